// Our own web library delivers: pages that close, lines that are down, servers
// that answer with errors, and each event once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from './lib/browser.mjs'
import { limited, lostAnswer, Road, unavailable } from './lib/road.mjs'
import { Server } from './lib/server.mjs'
import { Site, show, until } from './lib/site.mjs'

const visits = Number(process.env.RAPPORT_DELIVERY_VISITS ?? 12)
const seed = Number(process.env.RAPPORT_SEED ?? Date.now() % 1_000_000)
const each = 4
const visitors = 6

// random is Mulberry32: the same seed plays the same visits.
function random(state) {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const ends = ['close', 'navigate', 'offline', 'offline then close']

test(`web library: ${visits} visits that end in every way lose and double nothing (seed ${seed})`, async (t) => {
  const server = await Server.start(t)
  const road = await Road.open(t, server)
  const site = await Site.open(t, road)
  await site.load(server)
  const browser = await launch(t)
  const chance = random(seed)
  const contexts = await Promise.all(Array.from({ length: visitors }, () => browser.newContext()))
  let n = 0
  for (let visit = 0; visit < visits; visit++) {
    const context = contexts[chance(visitors)]
    const mishap = [undefined, undefined, limited(1), unavailable(), { status: 500 }, { status: 502 }, lostAnswer][chance(7)]
    const page = await show(context, site.url)
    await until(() => page.evaluate(() => window.rapport?.id), Boolean, 'an id')
    if (mishap) road.mishaps.push(mishap)
    const end = ends[chance(ends.length)]
    if (end.startsWith('offline')) await context.setOffline(true)
    await page.evaluate(async ({ from, each, wait }) => {
      for (let i = 0; i < each; i++) {
        window.rapport.track('Counted', { n: from + i })
        // Sometimes the first are under way when the page is left.
        if (wait && i === 1) await new Promise((r) => setTimeout(r, wait))
      }
    }, { from: n, each, wait: [0, 0, 520][chance(3)] })
    n += each
    if (end === 'offline') {
      await page.evaluate(() => window.rapport.flush())
      await context.setOffline(false)
    }
    if (end === 'navigate') await page.goto('about:blank')
    const closed = page.waitForEvent('close')
    await page.close({ runBeforeUnload: true })
    await closed
    await context.setOffline(false)
  }
  // Everybody comes by once more, and nothing is in the way.
  road.mishaps = []
  const numbers = []
  for (const context of contexts) {
    const page = await show(context, site.url)
    await page.evaluate(() => window.rapport.flush())
    await until(() => page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith('rapport.q.')).length), (left) => left === 0, 'the queue is empty')
    const id = await page.evaluate(() => window.rapport.id)
    await server.barrier()
    numbers.push(...(await server.timeline('anonymous_id', id)).filter((e) => e.name === 'Counted').map((e) => e.properties.n))
  }
  const different = new Set(numbers)
  const sums = await server.sums()
  t.diagnostic(`${different.size} of ${n} delivered, ${numbers.length - different.size} twice in profiles, ${sums.deduplicated} came twice to the door`)
  assert.equal(numbers.length, different.size, 'no event is in a profile twice')
  assert.ok(different.size >= n * 0.999, `${different.size} of ${n}`)
  assert.equal(sums.received, sums.stored + sums.deduplicated)
})
