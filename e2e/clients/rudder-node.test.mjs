// @rudderstack/rudder-sdk-node, as published: it sends gzip by default.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Analytics from '@rudderstack/rudder-sdk-node'
import { limited, lostAnswer, Road, unavailable } from './lib/road.mjs'
import { Server, writeKey } from './lib/server.mjs'
import { known, listed, person, product, succeeded, whole } from './lib/story.mjs'

// drain flushes until the client's queue is empty: one flush sends one batch.
async function drain(client) {
  while (client.queue.length > 0) await client.flush()
  await client.flush()
}

for (const gzip of [true, false]) {
  test(`rudder node, gzip ${gzip}: every kind of call reaches the profile`, async (t) => {
    const server = await Server.start(t)
    const road = await Road.open(t, server)
    const client = new Analytics(writeKey, { dataPlaneUrl: road.url, gzip, logLevel: 'error' })
    const who = person('rudder')

    client.track({ anonymousId: 'rudder-device', event: 'Product Viewed', properties: product })
    client.identify({ userId: who.userId, anonymousId: 'rudder-device', traits: who.traits })
    client.page({ userId: who.userId, name: 'Start', properties: { url: 'https://shop.example/start' } })
    client.screen({ userId: who.userId, name: 'Basket', properties: { items: 3 } })
    client.group({ userId: who.userId, groupId: 'acme', traits: { name: 'Acme' } })
    client.alias({ userId: who.userId, previousId: 'rudder-before' })
    client.track({ userId: 'rudder-before', event: 'Signed Up' })
    await drain(client)

    await whole(server, road)
    succeeded(road)
    for (const call of road.carrying()) assert.equal(call.headers['content-encoding'], gzip ? 'gzip' : undefined)

    const profile = await server.profile('user_id', who.userId)
    known(profile, who.traits, ['user_id:rudder-42', 'email:rudder@shop.example', 'anonymous_id:rudder-device', 'user_id:rudder-before'])
    assert.equal((await server.profile('email', who.email)).id, profile.id)
    listed(await server.timeline('user_id', who.userId), [...road.sent().values()])
  })
}

test('rudder node: 429, 503 and a lost answer lose and double nothing', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  road.mishaps = [limited(1), unavailable(), lostAnswer]
  const client = new Analytics(writeKey, { dataPlaneUrl: road.url, flushAt: 10, retryCount: 10, logLevel: 'error' })
  for (let i = 0; i < 35; i++) {
    client.track({ userId: 'rudder-retry', event: 'Counted', properties: { i } })
  }
  await drain(client)

  assert.equal(road.mishaps.length, 0, 'every mishap happened')
  const sums = await whole(server, road)
  assert.ok(sums.deduplicated > 0, 'the lost answer made the client send twice')
  const timeline = await server.timeline('user_id', 'rudder-retry')
  assert.deepEqual(timeline.map((i) => i.properties.i).sort((a, b) => a - b), Array.from({ length: 35 }, (_, i) => i))
})
