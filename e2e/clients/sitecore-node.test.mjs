// Sitecore's clients for servers, as published, in Node: Cloud SDK 0.6 and 0.1,
// Content SDK 2, Engage 1.4.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Server, writeKey } from './lib/server.mjs'

// Their ESM builds are for bundlers; Node takes the CommonJS ones.
const require = createRequire(import.meta.url)

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
const twoYears = 'Max-Age=63072000; SameSite=None; Secure; Path=/'

// visit is a request to a shop that Sitecore's client is told of, and its answer.
function visit(path = '/lamps?utm_source=letter&utm_campaign=spring') {
  const req = { headers: { host: 'shop.example', 'user-agent': chrome }, url: path }
  const res = { set: {}, getHeader: (name) => res.set[name], setHeader: (name, value) => (res.set[name] = value) }
  return { req, res }
}

// story is what each client tells, and what must be known of it afterwards.
async function known(server, browser, { email, events }) {
  await server.settled(events.length)
  const profile = await server.profile('anonymous_id', browser)
  const ids = profile.identifiers.map((i) => `${i.namespace}:${i.value}`)
  assert.ok(ids.includes(`email:${email}`), String(ids))
  assert.equal(profile.traits.firstName, 'Ann')
  const timeline = await server.timeline('email', email)
  assert.deepEqual(timeline.map((i) => i.name ?? i.type).sort(), [...events].sort())
  const sums = await server.sums()
  assert.equal(sums.dead_lettered + sums.rejected, 0, JSON.stringify(sums))
  return timeline
}

const cookieOf = (res, name) => {
  const all = [res.set['Set-Cookie']].flat().join('\n')
  const value = all.match(new RegExp(`(?:^|\n)${name}=([^;]+)`))?.[1]
  assert.ok(value, `${name} in ${all}`)
  assert.ok(all.includes(twoYears), all)
  return value
}

test('sitecore node: cloudsdk 0.6 sets its cookie on the server and tells of events', async (t) => {
  const server = await Server.start(t)
  const { CloudSDK } = require('@sitecore-cloudsdk/core/server')
  const { event, identity, pageView } = require('@sitecore-cloudsdk/events/server')
  const { personalize } = require('@sitecore-cloudsdk/personalize/server')
  const { req, res } = visit()
  await CloudSDK(req, res, { sitecoreEdgeContextId: writeKey, siteName: 'main', sitecoreEdgeUrl: server.url, enableServerCookie: true, cookieDomain: 'shop.example' })
    .addEvents()
    .addPersonalize()
    .initialize()
  const browser = cookieOf(res, 'sc_cid')
  const answers = [
    await pageView(req, { channel: 'WEB', currency: 'EUR', language: 'EN', page: 'Lamps' }),
    await event(req, { type: 'LAMP_LIT', channel: 'WEB', extensionData: { watts: 7, shade: { colour: 'red' } } }),
    await identity(req, { channel: 'WEB', email: 'ann06@shop.example', firstName: 'Ann', identifiers: [{ id: 'ann06@shop.example', provider: 'email' }] }),
  ]
  for (const a of answers) assert.equal(a?.status, 'OK', JSON.stringify(a))
  const timeline = await known(server, browser, { email: 'ann06@shop.example', events: ['Lamps', 'LAMP_LIT', 'identify'] })
  assert.deepEqual(timeline.map((i) => i.message_id).sort(), answers.map((a) => a.ref).sort(), 'each answer names its event')
  const lit = timeline.find((i) => i.name === 'LAMP_LIT')
  assert.deepEqual(lit.properties, { watts: 7, shade_colour: 'red' })
  assert.equal(lit.context.site, 'main')
  const view = timeline.find((i) => i.name === 'Lamps')
  assert.deepEqual(view.context.campaign, { source: 'letter', name: 'spring' })
  const none = await personalize(req, { channel: 'WEB', currency: 'EUR', friendlyId: 'none', language: 'EN' })
  assert.deepEqual(none, {}, 'an experience that is not there shows nothing')
  await server.put('/api/v1/experiences/lamps', {
    type: 'interactive', public: true, fallback: { text: 'none' },
    variants: [{ key: 'a', content: { '*': { text: 'lamp in {{ params.colour }}' } } }],
  })
  const shown = await personalize(req, { channel: 'WEB', currency: 'EUR', friendlyId: 'lamps', language: 'EN', params: { colour: 'red' } })
  assert.deepEqual(shown, { text: 'lamp in red' })

  const again = visit()
  again.req.headers.cookie = `sc_cid=${browser}`
  await CloudSDK(again.req, again.res, { sitecoreEdgeContextId: writeKey, siteName: 'main', sitecoreEdgeUrl: server.url, enableServerCookie: true }).addEvents().initialize()
  assert.equal(cookieOf(again.res, 'sc_cid'), browser, 'who comes again keeps the id')
})

test('sitecore node: cloudsdk 0.1 finds its own paths and cookie', async (t) => {
  const server = await Server.start(t)
  const { event, identity, init, pageView } = require('cloudsdk-events-01/server')
  const { req, res } = visit()
  await init({ sitecoreEdgeContextId: writeKey, siteName: 'main', sitecoreEdgeUrl: server.url, enableServerCookie: true, cookieDomain: 'shop.example' }, req, res)
  const browser = cookieOf(res, `sc_${writeKey}`)
  const common = { channel: 'WEB', currency: 'EUR', language: 'EN', page: 'lamps' }
  assert.equal((await pageView(common, req))?.status, 'OK')
  assert.equal((await event('LAMP_LIT', common, req, { watts: 7 }))?.status, 'OK')
  assert.equal((await identity({ ...common, email: 'ann01@shop.example', firstName: 'Ann', identifiers: [{ id: 'A-1', provider: 'crm' }] }, req))?.status, 'OK')
  await known(server, browser, { email: 'ann01@shop.example', events: ['lamps', 'LAMP_LIT', 'identify'] })
  assert.equal((await server.profile('crm', 'A-1')).traits.email, 'ann01@shop.example')
})

test('sitecore node: engage 1.4 calls the direct paths', async (t) => {
  const server = await Server.start(t)
  const { initServer } = require('@sitecore/engage')
  const engage = initServer({ clientKey: writeKey, targetURL: server.url, pointOfSale: 'spain', cookieDomain: 'shop.example', forceServerCookieMode: true })
  const { req, res } = visit()
  await engage.handleCookie(req, res)
  const browser = cookieOf(res, `bid_${writeKey}`)
  const common = { channel: 'WEB', currency: 'EUR', language: 'EN', page: 'lamps' }
  assert.equal((await engage.pageView(common, req))?.status, 'OK')
  assert.equal((await engage.event('LAMP_LIT', common, req, { watts: 7 }))?.status, 'OK')
  assert.equal((await engage.identity({ ...common, email: 'ann14@shop.example', firstName: 'Ann', identifiers: [{ id: 'A-4', provider: 'crm' }] }, req))?.status, 'OK')
  const timeline = await known(server, browser, { email: 'ann14@shop.example', events: ['lamps', 'LAMP_LIT', 'identify'] })
  assert.equal(timeline.find((i) => i.name === 'LAMP_LIT').properties.pos, 'spain')
})

test('sitecore node: content-sdk 2 names its context in a header', async (t) => {
  const server = await Server.start(t)
  const { initContentSdk } = require('@sitecore-content-sdk/core')
  const { analyticsPlugin, analyticsServerAdapter } = require('@sitecore-content-sdk/analytics-core')
  const { event, eventsPlugin, identity, pageView } = require('@sitecore-content-sdk/events')
  const { req, res } = visit()
  await initContentSdk({
    config: { contextId: writeKey, edgeUrl: server.url, siteName: 'main' },
    plugins: [analyticsPlugin({ options: { enableCookie: true, cookieDomain: 'shop.example' }, adapter: analyticsServerAdapter(req, res) }), eventsPlugin()],
  })
  const browser = cookieOf(res, 'sc_cid')
  assert.equal((await pageView({ channel: 'WEB', page: 'lamps' }))?.status, 'OK')
  assert.equal((await event({ type: 'LAMP_LIT', extensionData: { watts: 7 } }))?.status, 'OK')
  assert.equal((await identity({ email: 'ann2@shop.example', firstName: 'Ann', identifiers: [{ id: 'ann2@shop.example', provider: 'email' }] }))?.status, 'OK')
  await known(server, browser, { email: 'ann2@shop.example', events: ['lamps', 'LAMP_LIT', 'identify'] })
})
