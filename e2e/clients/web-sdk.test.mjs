// Our own web library, as the binary serves it, in Chromium.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { launch } from './lib/browser.mjs'
import { Road } from './lib/road.mjs'
import { Server, writeKey } from './lib/server.mjs'
import { Site, show, until } from './lib/site.mjs'

// What the library may cost, in bytes as they come: the aim is 6 KB.
const limit = 7 * 1024

async function open(t, { pages, headers, web } = {}) {
  const server = await Server.start(t)
  if (web) await server.put('/api/v1/sources/default', { name: 'Shop', kind: 'web', web })
  const road = await Road.open(t, server)
  const site = await Site.open(t, road, pages, headers)
  await site.load(server)
  const browser = await launch(t)
  return { server, road, site, browser }
}

const kept = (page) => page.evaluate(() => Object.keys(localStorage).sort())
const names = (timeline) => timeline.map((e) => e.name || e.type).sort()

test('web library: every kind of call reaches the profile', async (t) => {
  const { server, road, site, browser } = await open(t)
  const visitor = await browser.newContext({ locale: 'de-AT', timezoneId: 'Europe/Vienna' })
  const page = await show(visitor, `${site.url}/lamps?utm_source=letter&utm_medium=email&utm_campaign=spring`)
  const id = await page.evaluate(async () => {
    const r = window.rapport
    r.identify('web-42', { email: 'ada@shop.example', plan: 'gold' })
    r.group('acme', { name: 'Acme' })
    r.alias('web-42', 'web-before')
    r.track('Signed Up', { from: 'head' })
    r.viewed({ product_id: 'sku-7', name: 'Lamp', price: 19.9 })
    r.listed([{ product_id: 'sku-7' }], { category: 'lamps' })
    r.searched('lamp')
    r.added({ product_id: 'sku-7', quantity: 1 })
    r.removed({ product_id: 'sku-7' })
    r.cart([{ product_id: 'sku-7' }])
    r.checkout({ order_id: 'o-1' })
    r.ordered({ order_id: 'o-1', total: 19.9, currency: 'EUR', products: [{ product_id: 'sku-7', price: 19.9, quantity: 1 }] })
    await r.flush()
    return r.id
  })
  const sums = await server.settled(13)
  assert.equal(sums.stored, 13)
  assert.equal(sums.dead_lettered + sums.rejected + sums.deduplicated, 0)
  assert.deepEqual(page.faults, [])
  const profile = await server.profile('user_id', 'web-42')
  assert.equal((await server.profile('anonymous_id', id)).id, profile.id)
  assert.equal(profile.traits.plan, 'gold')
  assert.deepEqual(profile.computed.first.campaign, { name: 'spring', source: 'letter', medium: 'email' })
  assert.deepEqual(profile.computed.accounts.map((a) => a.id), ['acme'])
  assert.equal(profile.computed.latest.timezone, 'Europe/Vienna')
  assert.deepEqual(names(await server.timeline('user_id', 'web-42')), [
    'Cart Viewed', 'Checkout Started', 'Order Completed', 'Product Added', 'Product List Viewed', 'Product Removed', 'Product Viewed',
    'Products Searched', 'Signed Up', 'alias', 'group', 'identify', 'page',
  ])
  assert.ok(!road.calls.some((c) => c.method === 'OPTIONS'), 'nothing has to be asked before')
  assert.ok(road.carrying().every((c) => c.headers['content-type'].startsWith('text/plain')))

  // The id outlives what scripts may keep: it is in a cookie that they cannot read.
  const [cookie] = await visitor.cookies(`${site.url}/site/id`)
  assert.deepEqual([cookie.name, cookie.value, cookie.httpOnly, cookie.path, cookie.sameSite], ['rapport_id', id, true, '/site/', 'Lax'])
  assert.equal(await page.evaluate(() => document.cookie), '')
  await page.evaluate(() => localStorage.clear())
  const again = await show(visitor, site.url)
  assert.equal(await until(() => again.evaluate(() => window.rapport.id), Boolean, 'an id'), id)
})

test('web library: its bytes are few, are what was printed, and stay', async (t) => {
  const { server, site, browser } = await open(t, { web: { consent: 'pending' } })
  const { url, integrity, latest_url: latest, version } = site.snippet
  const body = Buffer.from(await (await fetch(server.url + url)).arrayBuffer())
  const size = gzipSync(body, { level: 9 }).length
  t.diagnostic(`${size} bytes with gzip`)
  assert.ok(size <= limit, `${size} bytes are more than ${limit}`)
  const digest = await crypto.subtle.digest('SHA-384', body)
  assert.equal(integrity, `sha384-${Buffer.from(digest).toString('base64')}`)
  assert.ok(site.head.includes(`integrity="${integrity}"`))

  // Other settings have another address; the one of before gives what it gave.
  await server.put('/api/v1/sources/default', { name: 'Shop', kind: 'web', web: { consent: 'granted', domains: ['shop.example'] } })
  const next = await server.get('/api/v1/sources/default/web-snippet?base=/site/')
  assert.notEqual(next.url, url)
  const before = await fetch(server.url + url)
  assert.deepEqual(Buffer.from(await before.arrayBuffer()), body)
  assert.match(before.headers.get('cache-control'), /immutable/)
  assert.match(await (await fetch(server.url + latest)).text(), /shop\.example/)

  // Nobody but the instance makes an address that brings settings.
  const own = Buffer.concat([Buffer.alloc(9), Buffer.from(JSON.stringify({ key: writeKey, consent: 'granted' }))]).toString('base64url')
  assert.equal((await fetch(`${server.url}/site/${version}/${own}/rapport.js`)).status, 404)
  assert.equal((await fetch(`${server.url}/site/wk_nobody.js`)).status, 404)
  assert.equal((await fetch(`${server.url}/site/${version}/..%2f..%2fweb.go`)).status, 404)

  // Bytes that are not those are not run.
  site.head = site.head.replace(integrity, `sha384-${'A'.repeat(64)}`)
  const page = await browser.newPage()
  await page.goto(site.url)
  assert.equal(await page.evaluate(() => typeof window.rapport), 'undefined')
})

test('web library: only pages of the origin get an id, and it is one', async (t) => {
  const server = await Server.start(t)
  const ask = (body, headers = {}) => fetch(`${server.url}/site/id`, { method: 'POST', body: JSON.stringify(body), headers })
  const own = { 'Sec-Fetch-Site': 'same-origin' }
  const good = { key: writeKey, path: '/site/', id: 'abcdefgh-1' }
  // fetch of Node.js does not let a header of browsers through; curl would.
  const { request } = await import('node:http')
  const raw = (body, headers) => new Promise((resolve) => {
    const to = request(`${server.url}/site/id`, { method: 'POST', headers }, (res) => {
      res.resume()
      res.on('end', () => resolve(res))
    })
    to.end(JSON.stringify(body))
  })
  assert.equal((await ask(good)).status, 403, 'no word of the browser')
  assert.equal((await raw(good, own)).statusCode, 200)
  assert.equal((await raw(good, { 'Sec-Fetch-Site': 'cross-site' })).statusCode, 403)
  assert.equal((await raw({ ...good, key: 'wk_nobody' }, own)).statusCode, 401)
  assert.equal((await raw({ ...good, id: 'x; Domain=evil' }, own)).statusCode, 400)
  assert.equal((await raw({ ...good, path: '/; Domain=evil' }, own)).statusCode, 400)
  assert.equal((await raw({ ...good, id: 'x'.repeat(5000) }, own)).statusCode, 400)
})

test('web library: nothing is kept or sent before a yes, and all of it after', async (t) => {
  const { server, road, site, browser } = await open(t, { web: { consent: 'pending' }, pages: { '*': '<div data-rapport-slot="hero">As ever</div>' } })
  const visitor = await browser.newContext()
  const page = await show(visitor, site.url)
  await page.evaluate(() => {
    window.rapport.track('Before')
    return window.rapport.flush()
  })
  assert.deepEqual(await kept(page), [])
  assert.deepEqual(await visitor.cookies(`${site.url}/site/id`), [])
  assert.deepEqual(await page.evaluate(() => window.rapport.decide({ placements: ['hero'] })), { decisions: [], reason: 'no_consent' })
  assert.ok(await page.isVisible('text=As ever'))
  assert.equal(road.calls.filter((c) => c.method === 'POST').length, 0)

  const id = await page.evaluate(async () => {
    window.rapport.consent('granted', { analytics: true, marketing: false })
    await window.rapport.flush()
    return window.rapport.id
  })
  await server.settled(3)
  assert.deepEqual(names(await server.timeline('anonymous_id', id)), ['Before', 'Consent Changed', 'page'])
  const consents = await server.get(`/api/v1/profiles/anonymous_id:${id}/consent`)
  const words = JSON.stringify(consents)
  assert.match(words, /"marketing"/)
  assert.match(words, /"denied"/)

  // The next page knows the answer.
  const next = await show(visitor, site.url)
  assert.equal(await next.evaluate(() => window.rapport.consent()), 'granted')
  await until(() => next.evaluate(() => window.rapport.id), (v) => v === id, 'the same id')
})

test('web library: a no empties the device and ends everything', async (t) => {
  const { server, road, site, browser } = await open(t)
  const visitor = await browser.newContext()
  const page = await show(visitor, site.url)
  const id = await page.evaluate(async () => {
    await window.rapport.flush()
    return window.rapport.id
  })
  await server.settled(1)
  await page.evaluate(() => {
    window.rapport.track('Not Sent Yet')
    window.rapport.consent('denied', { analytics: false })
    window.rapport.track('After')
    return window.rapport.flush()
  })
  await until(() => visitor.cookies(`${site.url}/site/id`), (c) => c.length === 0, 'no cookie')
  assert.deepEqual(await kept(page), ['rapport.consent'])
  assert.equal(await page.evaluate(() => window.rapport.id), undefined)
  await server.settled(2)
  assert.deepEqual(names(await server.timeline('anonymous_id', id)), ['Consent Changed', 'page'], 'the no itself is told')
  const calls = road.carrying().length
  const next = await show(visitor, site.url)
  await next.evaluate(() => window.rapport.flush())
  assert.equal(road.carrying().length, calls)
})

test('web library: Global Privacy Control leaves nothing on the device unless the visitor says yes here', async (t) => {
  const { server, road, site, browser } = await open(t)
  const visitor = await browser.newContext()
  await visitor.addInitScript(() => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }))
  const page = await show(visitor, site.url)
  const first = await page.evaluate(async () => {
    await window.rapport.flush()
    return [window.rapport.consent(), window.rapport.id]
  })
  assert.equal(first[0], 'cookieless')
  assert.deepEqual(await kept(page), [])
  assert.deepEqual(await visitor.cookies(`${site.url}/site/id`), [])
  await server.settled(1)
  assert.ok([...road.sent().values()].every((e) => e.context.gpc === true), 'the server hears the signal')
  const second = await show(visitor, site.url)
  assert.notEqual(await second.evaluate(() => window.rapport.id), first[1], 'the id ended with the page')
  assert.equal(await second.evaluate(() => window.rapport.consent('granted', { marketing: true })), 'granted')
  await until(() => kept(second), (keys) => keys.includes('rapport.id'), 'an id is kept')
})

test('web library: changes of the path are pages, and somebody else is somebody else', async (t) => {
  const { server, site, browser } = await open(t)
  const page = await show(await browser.newContext(), `${site.url}/one`)
  await page.evaluate(async () => {
    history.pushState({}, '', '/two')
    await new Promise((r) => setTimeout(r, 20))
    history.replaceState({}, '', '/two?sort=price')
    await new Promise((r) => setTimeout(r, 20))
    history.back()
  })
  await until(() => page.evaluate(() => location.pathname), (p) => p === '/one', 'back')
  const [first, second] = await page.evaluate(async () => {
    await new Promise((r) => setTimeout(r, 20))
    const r = window.rapport
    r.identify('ada')
    const before = r.id
    r.identify('bob')
    await r.flush()
    return [before, r.id]
  })
  await server.settled(5)
  const paths = (await server.timeline('anonymous_id', first)).filter((e) => e.type === 'page').map((e) => e.properties.path)
  assert.deepEqual(paths.sort(), ['/one', '/one', '/two'])
  assert.notEqual(first, second)
  assert.notEqual((await server.profile('user_id', 'ada')).id, (await server.profile('user_id', 'bob')).id)
})

test('web library: a link to another host of ours brings the visitor along, for a while', async (t) => {
  const { server, road, site, browser } = await open(t, { web: { domains: ['localhost', '127.0.0.1'] } })
  const other = await Site.open(t, road)
  other.head = site.head
  const there = `http://127.0.0.1:${other.port}/deep?x=1`
  site.pages['*'] = `<a href="${there}">Over there</a>`
  const visitor = await browser.newContext()
  const page = await show(visitor, site.url)
  const id = await until(() => page.evaluate(() => window.rapport.id), Boolean, 'an id')
  await page.click('text=Over there')
  await page.waitForURL(/127\.0\.0\.1/)
  assert.equal(await until(() => page.evaluate(() => window.rapport.id), Boolean, 'an id'), id)
  assert.equal(page.url(), there, 'the address is clean again')

  // Who is known there already stays who he is, and both are one person.
  const second = await browser.newContext()
  const here = await show(second, `http://127.0.0.1:${other.port}/`)
  const had = await until(() => here.evaluate(() => window.rapport.id), Boolean, 'an id')
  await here.goto(site.url)
  const mine = await until(() => here.evaluate(() => window.rapport.id), (v) => v && v !== had, 'another id')
  await here.click('text=Over there')
  await here.waitForURL(/127\.0\.0\.1/)
  assert.equal(await here.evaluate(() => window.rapport.id), had)
  await here.evaluate(() => window.rapport.flush())
  await server.settled(6)
  assert.equal((await server.profile('anonymous_id', had)).id, (await server.profile('anonymous_id', mine)).id)

  // A link that somebody else opens makes him nobody else.
  const link = await here.goto(site.url).then(() => here.evaluate((to) => window.rapport.link(to), there))
  assert.match(link, /_rp=/)
  const stranger = await browser.newContext({ userAgent: 'Mozilla/5.0 (Somebody else)' })
  const his = await show(stranger, link)
  assert.notEqual(await until(() => his.evaluate(() => window.rapport.id), Boolean, 'an id'), mine)
})

test('web library: what a page wants before the script is there happens', async (t) => {
  const { server, site, browser } = await open(t)
  site.head = `<script>window.rapport = [['track', 'Early', { n: 1 }], ['no_such_method']]</script>${site.head.replace('<script ', '<script async ')}`
  const page = await show(await browser.newContext(), site.url)
  const id = await until(() => page.evaluate(() => window.rapport.id), Boolean, 'an id')
  await page.evaluate(() => window.rapport.flush())
  await server.settled(2)
  assert.deepEqual(names(await server.timeline('anonymous_id', id)), ['Early', 'page'])
})
