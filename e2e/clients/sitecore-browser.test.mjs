// Sitecore's clients for browsers, as published, in Chromium.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Shop } from './lib/browser.mjs'
import { Server, writeKey } from './lib/server.mjs'

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
const stories = {
  cloudsdk06: { email: 'web06@shop.example', cookie: 'sc_cid' },
  cloudsdk01: { email: 'web01@shop.example', cookie: `sc_${writeKey}` },
  engage14: { email: 'web14@shop.example', cookie: `bid_${writeKey}` },
  contentsdk2: { email: 'web2@shop.example', cookie: 'sc_cid' },
}

test('sitecore browser: every client tells its story, with its cookie and queue', async (t) => {
  const server = await Server.start(t)
  const shop = await Shop.open(t, 'sitecore.js')
  let received = 0
  for (const [name, { email, cookie }] of Object.entries(stories)) {
    // The newest client sends nothing for a browser that calls itself headless.
    const visitor = await shop.visitor({ userAgent: chrome })
    const page = await shop.show(visitor, '/lamps?utm_source=letter&utm_campaign=spring&variantid=v9')
    const told = await page.evaluate(([n, to]) => window.stories[n](to), [name, { key: writeKey, url: server.url }])
    assert.deepEqual(page.faults, [], name)
    for (const a of told.answers) assert.equal(a?.status, 'OK', `${name}: ${JSON.stringify(told.answers)}`)
    const kept = (await visitor.cookies()).find((c) => c.name === cookie)
    assert.equal(kept?.value, told.browser, `${name}: ${JSON.stringify(kept)} ${told.cookie}`)
    // The client says two years; Chromium keeps no cookie for more than 400 days.
    assert.ok(kept.expires - Date.now() / 1000 > 399 * 86_400, `${name}: kept until ${kept.expires}`)

    received += 5
    await server.settled(received)
    const profile = await server.profile('email', email)
    if (told.guest) assert.equal(told.guest.length, 36, name)
    const ids = profile.identifiers.map((i) => `${i.namespace}:${i.value}`)
    assert.deepEqual(ids.sort(), [`anonymous_id:${told.browser}`, `email:${email}`], name)
    const timeline = await server.timeline('email', email)
    assert.deepEqual(timeline.map((i) => i.name ?? i.type).sort(), ['FORM', 'LAMP_LIT', 'QUEUED', 'identify', 'lamps'], name)
    assert.equal(timeline.find((i) => i.name === 'LAMP_LIT').properties.watts, 7, name)
    assert.equal(profile.computed.latest.locale, 'en', name)
    assert.match(profile.computed.latest.user_agent, /Chrom/, name)
    assert.equal(profile.computed.first.campaign?.source, 'letter', name)
    const sums = await server.sums()
    assert.equal(sums.dead_lettered + sums.rejected + sums.deduplicated, 0, `${name}: ${JSON.stringify(sums)}`)
    await visitor.close()
  }
})

test('sitecore browser: a script element loads an event and its callback runs', async (t) => {
  const server = await Server.start(t)
  const shop = await Shop.open(t, 'sitecore.js')
  const page = await shop.show(await shop.visitor())
  const call = (path, params) =>
    page.evaluate(
      ([address]) =>
        new Promise((resolve) => {
          window.called = resolve
          document.head.append(Object.assign(document.createElement('script'), { src: address }))
        }),
      [`${server.url}/v1.2/${path}?${new URLSearchParams({ client_key: writeKey, callback: 'called', ...params })}`],
    )
  const browser = await call('browser/create.json', { message: '{}' })
  assert.equal(browser.status, 'OK')
  const told = await call('event/create.json', { message: JSON.stringify({ type: 'VIEW', browser_id: browser.ref, page: 'home', channel: 'WEB' }) })
  assert.equal(told.status, 'OK')
  assert.equal((await call('browser/7d4f1d7e-0000-4000-8000-000000000000/show.json', {})).status, 'NOT_FOUND')
  await server.settled(1)
  const timeline = await server.timeline('anonymous_id', browser.ref)
  assert.deepEqual(timeline.map((i) => i.message_id), [told.ref])
})
