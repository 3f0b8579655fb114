// @salesforce/cc-datacloud-typescript, as published, in Node and in Chromium.
// Its host is fixed in its code, so the tests lead that name to the server, as
// an operator's DNS would.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { initDataCloudSdk } from '@salesforce/cc-datacloud-typescript'
import { Shop } from './lib/browser.mjs'
import { Server, writeKey } from './lib/server.mjs'

const host = 'https://shop.c360a.salesforce.com'

// visit is what the commerce templates send when somebody known looks at a
// product and puts it into the cart.
function visit(device, email) {
  const base = { dateTime: new Date().toISOString(), category: 'Engagement', deviceId: device, sessionId: device, siteId: 'RefArch' }
  const event = (eventType, more) => ({ ...base, eventId: `${device}-${eventType}`, eventType, ...more })
  return {
    events: [
      event('identity', { category: 'Profile', isAnonymous: '0', firstName: 'Zoë' }),
      event('contactPointEmail', { category: 'Profile', email }),
      event('catalog', { id: 'sku-7', type: 'Product', interactionName: 'catalog-object-view-start' }),
      event('cart', { id: `cart-${device}`, interactionName: 'add-to-cart' }),
      event('cartItem', { cartEventId: `${device}-cart`, lineItemId: '1', catalogObjectId: 'sku-7', catalogObjectType: 'Product', price: 19.9, quantity: 2 }),
    ],
  }
}

async function arrived(server, device, email) {
  const sums = await server.settled(5)
  assert.equal(sums.stored, 5)
  const profile = await server.profile('email', email)
  assert.equal((await server.profile('anonymous_id', device)).id, profile.id)
  assert.equal(profile.traits.firstName, 'Zoë')
  assert.equal(profile.computed.carts[0].total, 39.8)
  const actions = (await server.timeline('email', email)).map((i) => i.item_action).filter(Boolean)
  assert.deepEqual(actions.sort(), ['Update Cart', 'View Catalog Object'])
}

test('data cloud node: a visit reaches the profile', async (t) => {
  const server = await Server.start(t)
  const fetch = globalThis.fetch
  globalThis.fetch = (url, init) => fetch(String(url).replace(host, server.url), init)
  t.after(() => { globalThis.fetch = fetch })
  await initDataCloudSdk('shop', writeKey).webEventsAppSourceIdPost(visit('dev-node', 'zoe@node.example'))
  await arrived(server, 'dev-node', 'zoe@node.example')
})

test('data cloud browser: a visit reaches the profile', async (t) => {
  const server = await Server.start(t)
  const shop = await Shop.open(t, 'datacloud.js')
  const page = await shop.show(await shop.visitor())
  await page.route(`${host}/**`, async (route) => {
    const response = await route.fetch({ url: route.request().url().replace(host, server.url) })
    await route.fulfill({ response })
  })
  await page.evaluate(([source, sent]) => window.sendToDataCloud(source, sent), [writeKey, visit('dev-web', 'zoe@web.example')])
  assert.deepEqual(page.faults, [])
  await arrived(server, 'dev-web', 'zoe@web.example')
})
