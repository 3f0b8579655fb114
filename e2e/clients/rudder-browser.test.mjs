// @rudderstack/analytics-js, the bundled build as published, in Chromium.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Shop } from './lib/browser.mjs'
import { limited, lostAnswer, Road, unavailable } from './lib/road.mjs'
import { Server, writeKey } from './lib/server.mjs'
import { known, listed, person, product, succeeded, whole } from './lib/story.mjs'

async function open(t) {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const shop = await Shop.open(t, 'rudder.js')
  return { server, road, shop }
}

test('rudder browser: every kind of call reaches the profile', async (t) => {
  const { server, road, shop } = await open(t)
  const who = person('rweb')
  const page = await shop.show(await shop.visitor(), '/lamps?utm_source=letter&utm_campaign=spring')
  await page.evaluate(load, { writeKey, host: road.host })
  const anonymousId = await page.evaluate(({ who, product }) => {
    const a = window.analytics
    a.page('Lamps', 'Start', { shelf: 3 })
    a.track('Product Viewed', product)
    a.identify(who.userId, who.traits)
    a.group('acme', { name: 'Acme' })
    a.alias(who.userId, 'rweb-before')
    return a.getAnonymousId()
  }, { who, product })

  await server.settled(5)
  assert.deepEqual(page.faults, [])
  await whole(server, road)
  succeeded(road)
  assert.deepEqual(road.carrying().map((c) => c.path).sort(), ['/v1/alias', '/v1/group', '/v1/identify', '/v1/page', '/v1/track'])
  assert.ok(road.calls.some((c) => c.path.startsWith('/sourceConfig')), 'the client asked for its configuration')
  assert.ok(road.carrying().every((c) => c.headers.anonymousid), 'the client names its visitor in a header')

  const profile = await server.profile('user_id', who.userId)
  known(profile, who.traits, ['user_id:rweb-42', 'email:rweb@shop.example', `anonymous_id:${anonymousId}`, 'user_id:rweb-before'])
  listed(await server.timeline('user_id', who.userId), [...road.sent().values()])
  assert.deepEqual(profile.computed.first.campaign, { name: 'spring', source: 'letter' })
  const { timezone } = road.sent().values().next().value.context
  assert.equal(profile.computed.latest.timezone, timezone)
  assert.deepEqual(profile.computed.accounts.map((a) => a.id), ['acme'])
})

test('rudder browser: 429, 503 and a lost answer lose and double nothing', async (t) => {
  const { server, road, shop } = await open(t)
  const page = await shop.show(await shop.visitor())
  road.mishaps = [limited(1), unavailable(), lostAnswer]
  await page.evaluate(load, { writeKey, host: road.host, options: { queueOptions: { minRetryDelay: 200, maxRetryDelay: 500 } } })
  await page.evaluate(() => {
    for (let i = 0; i < 12; i++) window.analytics.track('Counted', { i })
  })
  await server.settled(12, 1)
  assert.equal(road.mishaps.length, 0, 'every mishap happened')
  const sums = await whole(server, road)
  assert.equal(sums.deduplicated, 1, 'the lost answer made the client send twice')
  const [{ anonymousId }] = road.sent().values()
  const timeline = await server.timeline('anonymous_id', anonymousId)
  assert.deepEqual(timeline.map((i) => i.properties.i).sort((a, b) => a - b), Array.from({ length: 12 }, (_, i) => i))
})

for (const leave of ['close', 'navigate']) {
  test(`rudder browser: a beacon brings what waits when the visitor leaves (${leave})`, async (t) => {
    const { server, road, shop } = await open(t)
    const page = await shop.show(await shop.visitor())
    const options = { useBeacon: true, beaconQueueOptions: { maxItems: 100, flushQueueInterval: 600_000 } }
    await page.evaluate(load, { writeKey, host: road.host, options })
    await page.evaluate(() => {
      for (let i = 0; i < 5; i++) window.analytics.track('Waiting', { i })
    })
    if (leave === 'close') await page.close({ runBeforeUnload: true })
    else await page.goto('about:blank')

    await server.settled(5)
    await whole(server, road)
    assert.ok(road.carrying().every((c) => c.path.startsWith('/beacon/v1/batch?writeKey=')))
    const [{ anonymousId }] = road.sent().values()
    listed(await server.timeline('anonymous_id', anonymousId), [...road.sent().values()])
  })
}

// load runs in the page.
function load(options) {
  return window.load(options)
}
