// @segment/analytics-next, as published, in Chromium.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Shop } from './lib/browser.mjs'
import { limited, lostAnswer, Road, unavailable } from './lib/road.mjs'
import { Server, writeKey } from './lib/server.mjs'
import { known, listed, person, product, succeeded, whole } from './lib/story.mjs'

const batching = { strategy: 'batching', config: { size: 100, timeout: 60_000 } }

async function open(t) {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const shop = await Shop.open(t, 'segment.js')
  return { server, road, shop }
}

test('segment browser: every kind of call reaches the profile', async (t) => {
  const { server, road, shop } = await open(t)
  const who = person('web')
  const page = await shop.show(await shop.visitor(), '/lamps?utm_source=letter&utm_medium=email&utm_campaign=spring')
  await page.evaluate(load, { writeKey, host: road.host })

  const anonymousId = await page.evaluate(async ({ who, product }) => {
    const a = window.analytics
    await a.page('Lamps', 'Start', { shelf: 3 })
    await a.track('Product Viewed', product)
    await a.identify(who.userId, who.traits)
    await a.screen('Basket', { items: 3 })
    await a.group('acme', { name: 'Acme' })
    await a.alias(who.userId, 'web-before')
    return (await a.user()).anonymousId()
  }, { who, product })

  assert.deepEqual(page.faults, [])
  await whole(server, road)
  succeeded(road)
  const types = road.carrying().map((c) => c.path)
  assert.deepEqual(types.sort(), ['/v1/a', '/v1/g', '/v1/i', '/v1/p', '/v1/s', '/v1/t'])
  assert.ok(road.calls.some((c) => c.method === 'OPTIONS'), 'the browser asked before')
  assert.ok(road.carrying().every((c) => c.headers['content-type'].startsWith('text/plain')))

  const profile = await server.profile('user_id', who.userId)
  known(profile, who.traits, ['user_id:web-42', 'email:web@shop.example', `anonymous_id:${anonymousId}`, 'user_id:web-before'])
  assert.equal((await server.profile('anonymous_id', anonymousId)).id, profile.id)
  listed(await server.timeline('user_id', who.userId), [...road.sent().values()])
  const { first, latest, accounts, channels } = profile.computed
  assert.deepEqual(first.campaign, { name: 'spring', source: 'letter', medium: 'email' }, 'from the address of the page')
  assert.equal(latest.locale, 'de-AT')
  assert.equal(latest.timezone, 'Europe/Vienna')
  assert.match(latest.user_agent, /Chrom/)
  assert.deepEqual(accounts.map((a) => a.id), ['acme'])
  assert.equal(channels.web.count, profile.computed.event_count)
})

test('segment browser: 429, 503 and a lost answer lose and double nothing', async (t) => {
  const { server, road, shop } = await open(t)
  const page = await shop.show(await shop.visitor())
  await page.evaluate(load, { writeKey, host: road.host })
  road.mishaps = [limited(1), unavailable(), lostAnswer]

  await page.evaluate(async () => {
    for (let i = 0; i < 12; i++) await window.analytics.track('Counted', { i })
  })
  await server.settled(12, 1)
  assert.equal(road.mishaps.length, 0, 'every mishap happened')
  const sums = await whole(server, road)
  assert.equal(sums.deduplicated, 1, 'the lost answer made the client send twice')
  const [{ anonymousId }] = road.sent().values()
  const timeline = await server.timeline('anonymous_id', anonymousId)
  assert.deepEqual(timeline.map((i) => i.properties.i).sort((a, b) => a - b), Array.from({ length: 12 }, (_, i) => i))
  assert.equal((await server.profile('anonymous_id', anonymousId)).anonymous, true)
})

for (const leave of ['close', 'navigate']) {
  test(`segment browser: what waits in a batch arrives when the visitor leaves (${leave})`, async (t) => {
    const { server, road, shop } = await open(t)
    const page = await shop.show(await shop.visitor())
    await page.evaluate(load, { writeKey, host: road.host, strategy: batching })
    await page.evaluate(async () => {
      for (let i = 0; i < 5; i++) await window.analytics.track('Waiting', { i })
    })
    assert.equal(road.carrying().length, 0, 'nothing was sent before')
    if (leave === 'close') await page.close({ runBeforeUnload: true })
    else await page.goto('about:blank')

    await server.settled(5)
    await whole(server, road)
    assert.deepEqual(road.carrying().map((c) => c.path), ['/v1/b'])
    const [{ anonymousId }] = road.sent().values()
    listed(await server.timeline('anonymous_id', anonymousId), [...road.sent().values()])
  })
}

test('segment browser: what failed while the server was down arrives with the next page', async (t) => {
  const { server, road, shop } = await open(t)
  const visitor = await shop.visitor()
  const page = await shop.show(visitor)
  await page.evaluate(load, { writeKey, host: road.host })
  await page.evaluate(() => window.analytics.track('Before'))
  const { host } = new URL(server.url)
  await server.end('SIGKILL')
  await page.evaluate(() => window.analytics.track('While Down'))
  await page.close({ runBeforeUnload: true })
  await server.run(host)
  const next = await shop.show(visitor)
  await next.evaluate(load, { writeKey, host: road.host })
  await next.evaluate(() => window.analytics.track('After'))

  await server.settled(3)
  await whole(server, road)
  const [{ anonymousId }] = road.sent().values()
  const timeline = await server.timeline('anonymous_id', anonymousId)
  assert.deepEqual(timeline.map((i) => i.name).sort(), ['After', 'Before', 'While Down'])
})

// load runs in the page.
function load(options) {
  return window.load(options)
}
