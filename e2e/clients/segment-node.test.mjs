// @segment/analytics-node, as published.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Analytics } from '@segment/analytics-node'
import { limited, lostAnswer, Road, unavailable } from './lib/road.mjs'
import { Server, writeKey } from './lib/server.mjs'
import { known, listed, person, product, succeeded, whole } from './lib/story.mjs'

function client(road, options) {
  const analytics = new Analytics({ writeKey, host: road.url, flushInterval: 100, ...options })
  const failures = []
  analytics.on('error', (e) => failures.push(e))
  return { analytics, failures }
}

test('segment node: every kind of call reaches the profile', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const { analytics, failures } = client(road, {})
  const who = person('node')
  const campaign = { name: 'spring', source: 'letter', medium: 'email' }

  analytics.track({ anonymousId: 'node-device', event: 'Product Viewed', properties: product })
  analytics.identify({ userId: who.userId, anonymousId: 'node-device', traits: who.traits })
  analytics.page({ userId: who.userId, category: 'Docs', name: 'Start', properties: { url: 'https://shop.example/start' }, context: { campaign, locale: 'de-AT' } })
  analytics.screen({ userId: who.userId, name: 'Basket', properties: { items: 3 } })
  analytics.group({ userId: who.userId, groupId: 'acme', traits: { name: 'Acme', employees: 12 } })
  analytics.alias({ userId: who.userId, previousId: 'node-before' })
  analytics.track({ userId: 'node-before', event: 'Signed Up', timestamp: new Date('2024-02-03T04:05:06.789Z') })
  await analytics.closeAndFlush({ timeout: 30_000 })

  assert.deepEqual(failures, [])
  await whole(server, road)
  succeeded(road)
  assert.ok(road.carrying().every((c) => c.headers.authorization?.startsWith('Basic ')))

  const profile = await server.profile('user_id', who.userId)
  known(profile, who.traits, ['user_id:node-42', 'email:node@shop.example', 'anonymous_id:node-device', 'user_id:node-before'])
  for (const [ns, value] of [['email', who.email], ['anonymous_id', 'node-device'], ['user_id', 'node-before']]) {
    assert.equal((await server.profile(ns, value)).id, profile.id, `${ns}:${value} is the same person`)
  }
  const events = [...road.sent().values()]
  const timeline = await server.timeline('user_id', who.userId)
  listed(timeline, events)
  assert.equal(profile.computed.event_count, events.length)
  assert.deepEqual(profile.computed.latest.campaign, campaign)
  assert.equal(profile.computed.latest.locale, 'de-AT')
  assert.deepEqual(profile.computed.accounts.map((a) => a.id), ['acme'])
  const signedUp = timeline.find((i) => i.name === 'Signed Up')
  // Its time is corrected by as long as the request was under way.
  const late = Date.parse(signedUp.time) - Date.parse('2024-02-03T04:05:06.789Z')
  assert.ok(late >= 0 && late < 60_000, `an old event keeps its time, it is ${late} ms late`)
})

test('segment node: 429, 503 and a lost answer lose and double nothing', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  road.mishaps = [limited(1), unavailable(), lostAnswer]
  const { analytics, failures } = client(road, { flushAt: 10 })
  for (let i = 0; i < 35; i++) {
    analytics.track({ userId: 'node-retry', event: 'Counted', properties: { i } })
  }
  await analytics.closeAndFlush({ timeout: 30_000 })

  assert.deepEqual(failures, [])
  assert.equal(road.mishaps.length, 0, 'every mishap happened')
  assert.ok(road.carrying().some((c) => Number(c.headers['x-retry-count']) > 0), 'the client tells its retries')
  const sums = await whole(server, road)
  assert.ok(sums.deduplicated > 0, 'the lost answer made the client send twice')
  const timeline = await server.timeline('user_id', 'node-retry')
  assert.deepEqual(timeline.map((i) => i.properties.i).sort((a, b) => a - b), Array.from({ length: 35 }, (_, i) => i))
})

test('segment node: a restart between two calls, and a kill, lose nothing', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const { analytics, failures } = client(road, { flushAt: 1, maxRetries: 20 })
  const who = person('restart')

  analytics.identify({ userId: who.userId, traits: who.traits })
  await analytics.flush()
  await whole(server, road)
  const before = await server.profile('user_id', who.userId)

  await server.restart()
  assert.deepEqual(await server.profile('user_id', who.userId), before, 'the profile came back as it was')
  analytics.track({ userId: who.userId, event: 'After Restart' })
  await analytics.flush()

  const down = server.end('SIGKILL')
  await down
  analytics.track({ userId: who.userId, event: 'While Down' })
  const flushed = analytics.closeAndFlush({ timeout: 30_000 })
  await server.run(new URL(server.url).host)
  await flushed

  assert.deepEqual(failures, [])
  await whole(server, road)
  listed(await server.timeline('user_id', who.userId), [...road.sent().values()])
  known(await server.profile('user_id', who.userId), who.traits, [`user_id:${who.userId}`])
})

test('segment node: with ?wait=applied the profile is there when the call returns', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const { analytics, failures } = client(road, { path: '/v1/batch?wait=applied', flushAt: 1 })
  const delivered = new Promise((resolve) => analytics.on('identify', resolve))
  for (let i = 0; i < 20; i++) {
    analytics.identify({ userId: 'node-wait', traits: { turn: i } })
    await analytics.flush()
    // No polling here: what was acknowledged must be readable.
    assert.equal((await server.profile('user_id', 'node-wait')).traits.turn, i)
  }
  await delivered
  assert.deepEqual(failures, [])
  for (const call of road.carrying()) assert.equal(call.answered['rapport-applied'], 'yes')
  await whole(server, road)
})

test('segment node: an unknown key is refused, and is not received', async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const { analytics, failures } = client(road, { writeKey: 'wk_of_somebody_else' })
  analytics.track({ userId: 'node-stranger', event: 'Knocked' })
  await analytics.closeAndFlush({ timeout: 30_000 })
  assert.deepEqual(road.carrying().map((c) => c.status), [401])
  assert.equal(JSON.parse(road.carrying()[0].answer).success, false)
  assert.equal(failures.length, 1, 'the client is told')
  assert.equal((await server.get('/api/v1/accounting')).received, 0)
  await assert.rejects(server.profile('user_id', 'node-stranger'), /404/)
})
