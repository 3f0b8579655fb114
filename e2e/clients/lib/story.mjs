// What every client tells, and what must be known afterwards.
import assert from 'node:assert/strict'

// person makes up somebody of whom no other test knows.
export function person(name) {
  return {
    userId: `${name}-42`,
    email: `${name}@shop.example`,
    traits: {
      email: `${name}@shop.example`,
      name: 'Ada Löwe',
      plan: 'gold',
      age: 42,
      newsletter: true,
      address: { city: 'Graz', postal_code: '8010' },
      tags: ['first', 'second'],
    },
  }
}

export const product = { product_id: 'sku-7', name: 'Lamp “Łuna”', price: 19.9, quantity: 2, sizes: ['S', 'M'], extra: { lit: true } }

// whole checks that the server has every event that was sent, once, and that
// its sums say so.
export async function whole(server, road) {
  const sums = await server.settled(road.sent().size)
  const sent = road.sent().size
  assert.equal(sums.received, road.handedOver(), 'received is what was handed over')
  assert.equal(sums.stored, sent, 'every event is stored once')
  assert.equal(sums.deduplicated, road.handedOver() - sent, 'what came twice is counted')
  assert.equal(sums.dead_lettered, 0)
  assert.equal(sums.rejected, 0)
  return sums
}

// succeeded checks the answers to the letter: clients are strict about them.
export function succeeded(road) {
  for (const call of road.delivered()) {
    if (call.status === 'lost') continue
    assert.match(call.answered['content-type'], /^application\/json/)
    assert.deepEqual(JSON.parse(call.answer), { success: true }, call.path)
  }
}

// listed checks that a timeline holds exactly these events as they were sent:
// message id, type, name, properties, traits, context, and no other.
export function listed(timeline, events) {
  const got = new Map(timeline.map((item) => [item.message_id, item]))
  assert.equal(got.size, timeline.length, 'no message id comes twice')
  assert.deepEqual([...got.keys()].sort(), events.map((e) => e.messageId).sort())
  for (const e of events) {
    const item = got.get(e.messageId)
    assert.equal(item.type, e.type)
    assert.equal(item.name ?? '', e.event ?? e.name ?? '', `the name of ${e.type}`)
    if (e.properties) assert.deepEqual(item.properties, e.properties, `the properties of ${e.type}`)
    if (e.type === 'identify' || e.type === 'group') assert.deepEqual(item.traits, e.traits ?? e.context.traits, `the traits of ${e.type}`)
    assert.deepEqual(said(item.context, e.context), e.context, `the context of ${e.type}`)
    if (/Chrome/.test(e.context?.userAgent)) {
      assert.equal(item.context.device.type, 'desktop', `what the user agent of ${e.type} tells`)
    }
  }
}

// said is a context without what the door found in the user agent and the client
// did not say.
function said(context, sent) {
  const out = { ...context }
  for (const found of ['browser', 'device', 'os']) {
    if (!(found in sent)) delete out[found]
  }
  return out
}

// known checks traits and identifiers of a profile.
export function known(profile, traits, identifiers) {
  assert.equal(profile.anonymous, false)
  for (const [key, value] of Object.entries(traits)) {
    assert.deepEqual(profile.traits[key], value, `trait ${key}`)
  }
  const got = profile.identifiers.map((i) => `${i.namespace}:${i.value}`)
  for (const want of identifiers) assert.ok(got.includes(want), `${want} is among ${got}`)
}
