// The data lake, read by DuckDB as its users do: through the SQL that the
// server gives.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { patience, Server, secretKey, writeKey } from './lib/server.mjs'
import { until } from './lib/site.mjs'

const still = 1500

function lakeOf(server) {
  return join(server.folder, 'lake')
}

async function start(t) {
  return Server.start(t, (folder) => ({ RAPPORT_LAKE_URL: join(folder, 'lake'), RAPPORT_LAKE_USERS_AFTER: `${still}ms`, RAPPORT_LAKE_JOIN: '3' }))
}

// views is the SQL of the lake's views: 503 until a lake that was just set up can be read.
async function views(server) {
  for (const end = Date.now() + patience; ; await new Promise((done) => setTimeout(done, 50))) {
    const res = await fetch(`${server.url}/api/v1/lake/views.sql`, { headers: { Authorization: `Bearer ${secretKey}` } })
    const text = await res.text()
    if (res.status === 200) return text
    assert.equal(res.status, 503, text)
    assert.equal(JSON.parse(text).code, 'lake_starting')
    assert.ok(res.headers.get('Retry-After'))
    assert.ok(Date.now() < end, text)
  }
}

// open gives a way to ask: each question reads the manifest anew.
async function open(server) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  return async (sql) => {
    await connection.run(await views(server))
    return (await connection.runAndReadAll(sql)).getRowObjectsJson()
  }
}

async function send(server, ...events) {
  const res = await fetch(`${server.url}/v1/batch`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ batch: events }),
  })
  assert.equal(res.status, 200, await res.text())
}

test('lake: every event is in its object, and the view adds the person', async (t) => {
  const server = await start(t)
  const ask = await open(server)
  await send(server,
    { type: 'track', event: 'Product Viewed', anonymousId: 'phone', messageId: 'm1', properties: { product_id: 'p1', name: 'Lamp' } },
    { type: 'track', event: 'Search', anonymousId: 'phone', messageId: 'm2', properties: { query: 'lamp' } })
  const early = await until(() => ask('FROM events_with_users ORDER BY eventId'), (rows) => rows.length === 2, 'early rows')
  assert.deepEqual(early.map((r) => [r.object, r.emailAddress]), [['catalog', null], ['base', null]])

  await send(server,
    { type: 'identify', userId: 'ada', anonymousId: 'phone', messageId: 'm3', traits: { email: 'ada@shop.example', plan: 'gold', size: 42 } },
    { type: 'track', event: 'Product Added', userId: 'ada', messageId: 'm4', properties: { cart_id: 'c1', product_id: 'p1', price: 19.99, quantity: 2, currency: 'EUR' } },
    { type: 'track', event: 'Order Completed', userId: 'ada', messageId: 'm5', context: { traits: { email: 'ada@shop.example' } },
      properties: { order_id: 'o1', currency: 'EUR', products: [{ product_id: 'p1', price: 0.1, quantity: 3 }, { product_id: 'p2', price: 1 }] } })
  // On a slow machine the phone was still for long enough before she signed in.
  const users = await until(() => ask('FROM users WHERE NOT isAnonymous'), (rows) => rows.length > 0, 'known users')
  assert.equal(users.length, 1, 'one row of all that came')
  assert.equal(users[0].plan, 'gold')
  assert.equal(users[0].size, '42')
  assert.equal(users[0].isAnonymous, false)
  assert.equal(users[0].customerId, 'ada')

  const events = await ask('FROM events_with_users ORDER BY eventId')
  assert.deepEqual(events.map((r) => [r.eventId, r.object, r.eventEmailAddress, r.emailAddress, r.customerId]), [
    ['m1', 'catalog', null, 'ada@shop.example', 'ada'],
    ['m2', 'base', null, 'ada@shop.example', 'ada'],
    ['m4', 'cart', null, 'ada@shop.example', 'ada'],
    ['m5', 'order', 'ada@shop.example', 'ada@shop.example', 'ada'],
  ])
  assert.equal(new Set(events.map((r) => r.profileId)).size, 1)
  assert.equal((await server.profile('user_id', 'ada')).id, events[0].profileId)
  assert.deepEqual(await ask('SELECT itemType, itemId FROM catalog_events'), [{ itemType: 'Product', itemId: 'p1' }])
  assert.deepEqual(await ask('SELECT orderId, totalValue::DOUBLE AS total, currency FROM order_events'), [{ orderId: 'o1', total: 1.3, currency: 'EUR' }])
  assert.deepEqual(await ask('SELECT sum(price * quantity)::DOUBLE AS sum FROM cart_item_events i JOIN cart_events c ON c.eventId = i.cartEventId'), [{ sum: 39.98 }])
  assert.deepEqual(await ask('SELECT catalogObjectId AS id FROM order_item_events WHERE orderEventId = \'m5\' ORDER BY id'), [{ id: 'p1' }, { id: 'p2' }])
  assert.deepEqual(await ask('SELECT count(*)::INT AS n FROM (DESCRIBE catalog_events) WHERE column_name ILIKE \'%name%\' AND column_name <> \'interactionName\''), [{ n: 0 }])
})

test('lake: attributes come and change their type, a restart and a kill change nothing', async (t) => {
  const server = await start(t)
  const ask = await open(server)
  const tell = (n, traits) => send(server, { type: 'identify', userId: `u${n}`, messageId: `i${n}`, traits })
  const rows = (n) => until(() => ask('FROM current_users ORDER BY customerId'), (list) => list.length === n, `${n} customers`)
  await tell(1, { score: 7, fresh: null, x: 1 })
  await until(() => ask('FROM users'), (list) => list.length === 1, 'one user')
  await tell(2, { score: 7.5, fresh: true })
  await server.restart()
  assert.deepEqual((await rows(2)).map((r) => Number(r.score)), [7, 7.5])
  await tell(3, { score: 'high' })
  await server.restart('SIGKILL')
  // Where a file holds both, 7 is a fraction like 7.5, and as a text it is 7.0.
  const score = (v) => (Number.isNaN(Number(v)) ? v : Number(v))
  assert.deepEqual((await rows(3)).map((r) => [score(r.score), r.fresh === null ? null : String(r.fresh)]), [[7, null], [7.5, 'true'], ['high', null]])
  assert.deepEqual(await ask('SELECT count(*)::INT AS n FROM users'), [{ n: 3 }], 'one row of each, whatever happened')
})

test('lake: the command prints the same views', async (t) => {
  const server = await start(t)
  const ask = await open(server)
  await until(() => ask('SELECT count(*)::INT AS n FROM memberships'), (r) => r[0].n === 0, 'no memberships')
  const printed = execFileSync(process.env.RAPPORT_BINARY ?? join(server.folder, 'rapport'), ['lake', '--lake-url', lakeOf(server)], { encoding: 'utf8' })
  assert.equal(printed, await views(server))
})
