// The main screens from right to left: nothing is cut off, nothing stands outside.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

const screens = ['/', '/sources/default', '/live', '/people?q=ada', '/people/email:ada@example.com', '/people/email:ada@example.com?tab=identity', '/segments', '/segments/new?condition=%7B%22trait%22%3A%22city%22%2C%22op%22%3A%22%3D%22%2C%22value%22%3A%22London%22%7D', '/consent', '/retention', '/settings?tab=members', '/health']

// outside finds what is wider than the page, or a control that is not wholly in it
// nor in something that scrolls.
function outside() {
  const width = document.documentElement.clientWidth
  const found = document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`] : []
  const scrolls = (e) => e && (/(auto|scroll)/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement))
  for (const e of document.querySelectorAll('button, a, input, h1, h2')) {
    const { left, right, width: own, height } = e.getBoundingClientRect()
    if (own > 1 && height > 1 && (left < -1 || right > width + 1) && !scrolls(e.parentElement)) found.push(`${e.tagName} ${(e.getAttribute('aria-label') ?? e.textContent).slice(0, 40)}: ${Math.round(left)} to ${Math.round(right)}`)
  }
  return found
}

test('from right to left', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', anonymousId: 'd-1', traits: { first_name: 'Ada', email: 'ada@example.com', city: 'London' } }, { type: 'page', userId: 'u-1', name: 'Home' })
  await server.put('/api/v1/segments/londoners?wait=applied', { name: 'Londoners', condition: { trait: 'city', value: 'London' } })
  const browser = await open(t)
  const c = await Console.enter(browser, server, { viewport: { width: 1100, height: 800 } })
  await c.page.evaluate(() => { document.documentElement.dir = 'rtl' })
  const found = []
  for (const path of screens) {
    await c.go(path)
    found.push(...(await c.page.evaluate(outside)).map((what) => `${path}: ${what}`))
    await c.shot(`rtl${path.replaceAll(/[^a-z]+/g, '-').slice(0, 30)}`)
  }
  // The rail is where reading begins.
  assert.ok(await c.page.getByRole('navigation').first().evaluate((e) => e.getBoundingClientRect().left > innerWidth / 2))
  await c.go('/people/email:ada@example.com?tab=raw')
  assert.equal(await c.page.locator('main pre').first().evaluate((e) => getComputedStyle(e).direction), 'ltr')
  assert.deepEqual(found, [])
  c.unharmed()
})
