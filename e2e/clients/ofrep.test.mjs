// OpenFeature's providers for OFREP, as published: on a server and in a browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenFeature } from '@openfeature/server-sdk'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import { Shop } from './lib/browser.mjs'
import { after, patience, secretKey, Server, writeKey } from './lib/server.mjs'

const half = (key, more = {}) => ({
  name: key, state: 'running', public: true, variants: [{ key: 'blue', value: 'blue' }, { key: 'red', value: 'red' }], ...more,
})

async function define(server) {
  await server.put('/api/v1/experiments/color?wait=applied', half('color'))
  await server.put('/api/v1/experiments/hidden?wait=applied', half('hidden', { public: false }))
  await server.put('/api/v1/experiments/limits?wait=applied', {
    name: 'limits', state: 'running', public: true, variants: [{ key: 'a', value: { most: 3 } }, { key: 'b', value: { most: 3 } }],
  })
}

test('ofrep provider: single evaluations are sticky, and exposures are written down', async (t) => {
  const server = await Server.start(t)
  await define(server)
  const clientOf = async (domain, key) => {
    await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: server.url, headers: [['Authorization', `Bearer ${key}`]] }))
    return OpenFeature.getClient(domain)
  }
  const trusted = await clientOf('trusted', secretKey)
  const claimed = await clientOf('claimed', writeKey)
  t.after(() => OpenFeature.close())
  const given = { blue: 0, red: 0 }
  for (let i = 0; i < 60; i++) {
    const context = { targetingKey: `u${i}` }
    const first = await trusted.getStringDetails('color', 'none', context)
    assert.equal(first.reason, 'SPLIT')
    assert.equal(first.variant, first.value)
    given[first.value]++
    assert.equal((await claimed.getStringDetails('color', 'none', context)).value, first.value)
    assert.notEqual((await trusted.getStringDetails('hidden', 'none', context)).value, 'none')
  }
  assert.ok(given.blue > 10 && given.red > 10, JSON.stringify(given))
  assert.deepEqual((await claimed.getObjectDetails('limits', {}, { targetingKey: 'u1' })).value, { most: 3 })
  const refused = await claimed.getStringDetails('hidden', 'none', { targetingKey: 'u1' })
  assert.deepEqual([refused.value, refused.errorCode], ['none', 'FLAG_NOT_FOUND'])
  const nobody = await trusted.getStringDetails('color', 'none', {})
  assert.deepEqual([nobody.value, nobody.errorCode], ['none', 'TARGETING_KEY_MISSING'])
  const wrong = await trusted.getNumberDetails('color', 7, { targetingKey: 'u1' })
  assert.deepEqual([wrong.value, wrong.errorCode], [7, 'TYPE_MISMATCH'])
  const results = await until(async () => {
    const r = await server.get('/api/v1/experiments/color/results')
    return r.variants?.reduce((n, v) => n + (v.units ?? v.people ?? 0), 0) === 60 && r
  })
  assert.ok(results, 'everybody who was shown a variant is counted')
})

test('ofrep web provider: all flags at once, 304 where nothing changed, and a change is told', async (t) => {
  const server = await Server.start(t)
  await define(server)
  const shop = await Shop.open(t, 'ofrep.js')
  const page = await shop.show(await shop.visitor())
  let now = await page.evaluate((x) => window.start(x), { url: server.url, key: writeKey, who: 'anonymous_id:dev-1' })
  assert.ok(['blue', 'red'].includes(now.color.value), JSON.stringify(now))
  assert.equal(now.color.reason, 'SPLIT')
  assert.equal(now.hidden.errorCode, 'FLAG_NOT_FOUND')
  const first = now.color.value

  // Somebody else, and back.
  now = await page.evaluate((who) => window.become(who), 'anonymous_id:dev-2')
  now = await page.evaluate((who) => window.become(who), 'anonymous_id:dev-1')
  assert.equal(now.color.value, first)

  await server.put('/api/v1/experiments/color?wait=applied', half('color', { state: 'stopped', conclusion: { winner: first === 'red' ? 'blue' : 'red', text: 'the other was better' } }))
  const changed = await page.evaluate((patience) => Promise.race([window.changed, new Promise((r) => setTimeout(r, patience, 'nothing was told'))]), patience)
  assert.deepEqual(changed, ['color'])
  now = await page.evaluate(() => window.flags())
  assert.deepEqual([now.color.value, now.color.reason], [first === 'red' ? 'blue' : 'red', 'STATIC'])
  const asked = now.seen.filter((c) => c.url.endsWith('/ofrep/v1/evaluate/flags'))
  assert.ok(asked.every((c) => c.status === 200 || c.status === 304), JSON.stringify(asked))
  assert.ok(asked.every((c) => c.status === 304 || c.tag), 'every answer has a tag that a page can read')
  assert.deepEqual(page.faults, [])

  // A browser comes back to its page: it asks with the tag and is told that nothing changed.
  const before = asked.length
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  const again = await until(async () => {
    const seen = (await page.evaluate(() => window.flags())).seen.filter((c) => c.url.endsWith('/ofrep/v1/evaluate/flags'))
    return seen.length > before && seen.at(-1)
  })
  assert.equal(again.status, 304, JSON.stringify(again))
})

async function until(look) {
  for (let i = 0; i < 100; i++) {
    const found = await look()
    if (found) return found
    await after(100)
  }
  return undefined
}
