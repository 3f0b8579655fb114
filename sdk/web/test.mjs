// The parts that know no browser, and that what is committed is what is built.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { files, version } from './build.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
// In bytes with gzip. The first is the aim, the second what may not be passed.
const aim = 6 * 1024
const limit = 7 * 1024

const { outputFiles } = await build({ stdin: { contents: 'export * from "./src/queue"; export * from "./src/client"', resolveDir: here('.') }, bundle: true, format: 'esm', write: false, define: { VERSION: '"test"' } })
const { client, queue, maxKept } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`)

// world is storage, a clock that stands, and a road whose answers are given.
function world(kept = new Map()) {
  const w = { kept, sent: [], answers: [], clock: 1_700_000_000_000, planned: [], cookies: [], n: 0 }
  const store = {
    on: true,
    get: (k) => (store.on && kept.get(k)) || null,
    set: (k, v) => store.on && kept.set(k, v),
    remove: (k) => kept.delete(k),
    keys: () => [...kept.keys()],
  }
  const road = {
    send: async (path, body) => {
      w.sent.push({ path, ...JSON.parse(body) })
      return w.answers.shift() ?? { status: 200 }
    },
    later: (todo, ms) => void w.planned.push({ todo, ms }),
    now: () => w.clock,
    random: () => 1,
  }
  w.platform = {
    ...road, store, gpc: false, uuid: () => `id-${++w.n}`, context: () => ({ page: { path: '/' } }),
    cookie: async (id) => {
      w.cookies.push(id)
      return id === undefined ? 'of-the-server' : id
    },
    ask: async (body) => JSON.parse(body),
  }
  w.queue = queue('wk', store, road, 500)
  w.ids = () => w.sent.map((s) => s.batch.map((e) => e.n))
  return w
}

test('queue: events of a moment go together, and are gone when they were taken', async () => {
  const w = world()
  for (let n = 0; n < 3; n++) w.queue.add(`m${n}`, { n })
  assert.equal(w.kept.size, 3)
  assert.equal(w.planned.length, 1)
  w.planned[0].todo()
  await w.queue.flush()
  assert.deepEqual(w.ids(), [[0, 1, 2]])
  assert.equal(w.sent[0].writeKey, 'wk')
  assert.equal(w.kept.size, 0)
})

test('queue: an error keeps everything, waits longer each time, and as long as the server asks', async () => {
  const w = world()
  w.answers = [{ status: 503 }, { status: 0 }, { status: 429, retryAfter: 90 }]
  w.queue.add('m', { n: 1 })
  const waits = []
  for (let i = 1; i <= 3; i++) {
    w.planned.at(-1).todo() // the timer of before has run out
    await w.queue.flush()
    assert.equal(w.sent.length, i)
    waits.push(w.planned.at(-1).ms)
    await w.queue.flush()
    assert.equal(w.sent.length, i, 'nothing is sent before its time')
    w.clock += waits.at(-1)
  }
  w.planned.at(-1).todo()
  await w.queue.flush()
  assert.deepEqual(waits, [1000, 2000, 90_000])
  assert.equal(w.kept.size, 0)
})

test('queue: leaving sends what is not under way, but not where the server asked to wait', async () => {
  const w = world()
  let release
  const first = new Promise((r) => (release = r))
  w.answers = [first]
  w.queue.add('a', { n: 1 })
  const sending = w.queue.flush()
  await Promise.resolve()
  w.queue.add('b', { n: 2 })
  await w.queue.flush(true)
  assert.deepEqual(w.ids(), [[1], [2]])
  release({ status: 429, retryAfter: 5 })
  await sending
  await w.queue.flush(true)
  assert.equal(w.sent.length, 2)
})

test('queue: what was sent on leaving is repeated by a page that stays, not by one that is left too', async () => {
  const w = world()
  w.answers = [new Promise(() => {})] // nobody hears it
  w.queue.add('a', { n: 1, text: 'wow!' })
  w.queue.flush(true)
  const next = world(w.kept)
  next.queue.adopt()
  await next.queue.flush(true)
  assert.equal(next.sent.length, 0)
  await next.queue.flush()
  assert.deepEqual(next.sent[0].batch, [{ n: 1, text: 'wow!' }])
  assert.equal(next.kept.size, 0)
})

test('queue: one event that the server refuses holds up no other', async () => {
  const w = world()
  w.queue.add('a', { n: 1 })
  w.queue.add('b', { n: 2 })
  w.queue.add('c', { n: 3 })
  const bad = (s) => s.batch.some((e) => e.n === 2)
  w.answers = { shift: () => ({ status: bad(w.sent.at(-1)) ? 400 : 200 }) }
  await w.queue.flush()
  assert.equal(w.kept.size, 0)
  assert.ok(w.ids().some((b) => b.length === 1 && b[0] === 3) || w.ids().some((b) => b.includes(3) && !b.includes(2)))
})

test('queue: an unknown key stops the page and keeps the events', async () => {
  const w = world()
  w.answers = [{ status: 401 }]
  w.queue.add('a', { n: 1 })
  await w.queue.flush()
  await w.queue.flush()
  await w.queue.flush(true)
  assert.equal(w.sent.length, 1)
  assert.equal(w.kept.size, 1)
})

test('queue: what another page left is sent in its order, once; the oldest go beyond the limit', async () => {
  const kept = new Map()
  for (let n = 0; n < maxKept + 5; n++) kept.set(`q.${String(n).padStart(5, '0')}`, JSON.stringify({ n }))
  const w = world(kept)
  w.queue.adopt()
  assert.equal(kept.size, maxKept)
  await w.queue.flush()
  assert.deepEqual(w.ids().flat(), Array.from({ length: maxKept }, (_, i) => i + 5))
  assert.ok(w.sent.every((s) => JSON.stringify(s).length < 65_536))
  assert.equal(kept.size, 0)
})

test('queue: an event that no server takes is not kept', () => {
  const w = world()
  assert.equal(w.queue.add('a', { text: 'ü'.repeat(16_000) }), false)
  assert.equal(w.kept.size, 0)
})

test('client: events wait for the id, and have the one of the server', async () => {
  const w = world()
  const c = client({ key: 'wk' }, w.platform)
  c.track('Early')
  assert.equal(c.id, undefined)
  await c.flush()
  assert.equal(c.id, 'of-the-server')
  assert.equal(w.sent[0].batch[0].anonymousId, 'of-the-server')
  // A page that is left before the answer has an id of its own.
  const other = world()
  const left = client({ key: 'wk' }, other.platform)
  left.track('Early')
  left.leave()
  assert.equal(other.sent[0].batch[0].anonymousId, left.id)
  await Promise.resolve()
  assert.notEqual(left.id, 'of-the-server', 'and keeps it')
})

test('client: middleware changes and drops, identify ends who was here before', async () => {
  const w = world()
  const c = client({ key: 'wk' }, w.platform)
  c.use((e) => (e.event === 'Secret' ? null : { ...e, context: { ...e.context, more: 1 } }))
  c.track('Secret')
  c.track('Open')
  await c.flush()
  assert.deepEqual(w.sent[0].batch.map((e) => [e.event, e.context.more]), [['Open', 1]])
  c.identify('ada')
  const first = c.id
  c.identify('ada', { plan: 'gold' })
  assert.equal(c.id, first)
  c.identify('bob')
  assert.notEqual(c.id, first)
  c.reset()
  assert.equal(w.kept.get('user'), undefined)
})

test('client: from a yes to cookieless everything leaves the device and events go on', async () => {
  const w = world()
  const c = client({ key: 'wk' }, w.platform)
  await c.flush()
  const before = c.id
  c.consent('cookieless')
  assert.deepEqual([...w.kept.keys()], ['consent'])
  assert.notEqual(c.id, before)
  assert.equal(w.cookies.at(-1), null)
  c.track('On')
  await c.flush()
  assert.ok(w.sent.flatMap((s) => s.batch).some((e) => e.event === 'On' && e.anonymousId === c.id))
  assert.deepEqual([...w.kept.keys()], ['consent'])
})

test('build: what is committed is what the sources give', async () => {
  for (const [name, text] of Object.entries(await files())) {
    assert.equal(readFileSync(here(`dist/${version}/${name}`), 'utf8'), text, `dist/${version}/${name} is old: npm run build`)
  }
})

test('build: the library is small', (t) => {
  for (const name of ['rapport.js', 'rapport.mjs']) {
    const size = gzipSync(readFileSync(here(`dist/${version}/${name}`)), { level: 9 }).length
    t.diagnostic(`${name}: ${size} bytes with gzip, the aim is ${aim}`)
    assert.ok(size <= limit, `${name} has ${size} bytes with gzip, more than ${limit}`)
  }
})
