// The example shop with the examples that the binary brings, as its README says.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launch } from './lib/browser.mjs'
import { secretKey, Server } from './lib/server.mjs'
import { show, until } from './lib/site.mjs'

async function shop(t, server) {
  const file = fileURLToPath(new URL('../../examples/shop/serve.mjs', import.meta.url))
  const child = spawn(process.execPath, [file], { env: { ...process.env, RAPPORT_URL: server.url, RAPPORT_SECRET_KEY: secretKey, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  for await (const line of createInterface({ input: child.stdout })) {
    const m = line.match(/at (http:\S+)$/)
    if (m) return m[1]
  }
  throw new Error('the shop did not start')
}

test('example shop: asks first, recommends by what was looked at, and its order is in the profile', async (t) => {
  const server = await Server.start(t)
  await server.put('/api/v1/sources/default', { name: 'Shop', kind: 'web', web: { consent: 'pending', budget_ms: 5000 } })
  const binary = server.binary
  for (const name of ['recommended-product', 'discount', 'ignored-emails']) {
    assert.match(execFileSync(binary, ['example', name, '--url', server.url, '--secret-key', secretKey], { encoding: 'utf8' }), /is there/)
  }
  assert.match(execFileSync(binary, ['example'], { encoding: 'utf8' }), /ignored-emails/)
  assert.throws(() => execFileSync(binary, ['example', 'nothing'], { stdio: 'pipe' }), /no example "nothing"/)

  const url = await shop(t, server)
  const browser = await launch(t)
  const visitor = await browser.newContext()
  const violations = []
  await visitor.exposeFunction('noteViolation', (v) => violations.push(v))
  await visitor.addInitScript(() => addEventListener('securitypolicyviolation', (e) => window.noteViolation(e.violatedDirective)))
  const page = await show(visitor, url)
  assert.equal(await page.textContent('[data-rapport-slot=recommended] a'), 'Our gift card', 'nothing is asked before a yes')
  await page.click('text=Yes')
  await page.evaluate(() => window.rapport.flush())
  await page.click('text=Table lamp')
  await page.waitForURL(/product/)
  await page.evaluate(() => window.rapport.flush())
  await server.barrier()
  await page.click('text=Lamps & more')
  await page.waitForSelector('text=A warm bulb for any lamp')
  await page.waitForSelector('text=25 % off the arc lamp')
  await page.click('text=Arc lamp')
  await page.click('#add')
  await page.waitForURL(/cart/)
  await page.fill('input[name=email]', 'ada@shop.example')
  await page.click('#order button')
  await page.evaluate(() => window.rapport.flush())
  const profile = await until(() => server.profile('email', 'ada@shop.example').catch(() => ({})), (p) => p.computed?.order_count === 1, 'the order')
  assert.equal(profile.computed.order_total?.EUR, 149)
  const results = await until(() => server.get('/api/v1/experiences/recommended-product/results'), (r) => r.variants?.[0]?.people > 0, 'the results')
  assert.equal(results.variants[0].people, 1)
  assert.deepEqual(violations, [])
  assert.deepEqual(page.faults, [])
})
