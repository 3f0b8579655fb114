// The rules of identity, tried before they are applied, and what people bought.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('somebody tries identity rules, applies them, and looks at orders', async (t) => {
  const server = await Server.start(t)
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, { path: '/orders' })
  const look = c.lookout('light', findings)
  const { page } = c
  const main = page.getByRole('main')
  await look('orders-none')
  await c.go('/catalog')
  await look('catalog-none')
  // Two people share an address: by the rules of a new instance that keeps them apart.
  await send(
    server,
    { type: 'identify', userId: 'u-1', traits: { email: 'family@example.com' } },
    { type: 'identify', userId: 'u-2', anonymousId: 'tablet', traits: { loyalty_card: 'x' } },
    { type: 'identify', anonymousId: 'tablet', traits: { email: 'family@example.com' } },
    { type: 'track', userId: 'u-1', event: 'Order Completed', properties: { order_id: 'o-1', total: 31.5, currency: 'EUR', products: [{ product_id: 'sku-1', name: 'Shoe', quantity: 2, price: 15.75 }] } },
  )
  await server.put('/api/v1/catalog/items/sku-1?wait=applied', { attributes: { name: 'Red shoe', price: 15.75 }, dimensions: { category: ['Shoes'] } })
  await c.go('/identity')
  await main.getByText('These are the rules that a new instance has.').waitFor()
  await look('identity')

  // By keyboard alone: how many e-mail addresses somebody may have; tried, then applied.
  await c.tabTo(page.getByLabel('At most per person: user_id'))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('2')
  await page.keyboard.press('Control+Enter')
  await main.getByText('What would change').waitFor()
  await look('identity-tried')
  assert.equal((await server.get('/api/v1/identity/rules')).version, 0)
  await c.tabTo('Apply these rules')
  await page.keyboard.press('Enter')
  await page.getByText('The rules are being applied').first().waitFor()
  await main.getByText('The rules are applied to everybody').waitFor()
  const now = await server.get('/api/v1/identity/rules')
  assert.deepEqual([now.version, now.document.namespaces[0].limit.count], [1, 2])

  // By clicks: one identifier more, the weaker one further up, and back again.
  await main.getByLabel('Name of the identifier').fill('loyalty_card')
  await main.getByRole('button', { name: 'Add an identifier' }).click()
  await main.getByRole('button', { name: 'Move loyalty_card up' }).click()
  await main.getByRole('button', { name: 'Try it' }).click()
  await main.getByText('What would change').waitFor()
  await main.getByRole('button', { name: 'Discard changes' }).click()
  await main.getByRole('cell', { name: 'loyalty_card' }).waitFor({ state: 'detached' })
  for (const tab of ['yaml', 'history']) {
    await c.go(`/identity?tab=${tab}`)
    await look(`identity-${tab}`)
  }

  await c.go('/orders')
  await page.getByRole('row').filter({ hasText: 'o-1' }).click()
  assert.match(page.url(), /id=o-1/)
  await look('order')
  await page.getByRole('dialog').getByRole('link', { name: 'Shoe' }).click()
  await page.getByRole('dialog').getByText('category').waitFor()
  await look('item')
  await page.getByRole('button', { name: 'Remove the item' }).click()
  await page.getByText('Red shoe was removed').waitFor()
  assert.deepEqual((await server.get('/api/v1/catalog/items')).items.filter((i) => i.attributes?.name), [])
  await page.getByRole('button', { name: 'Undo' }).last().click()
  await page.getByRole('row').filter({ hasText: 'Red shoe' }).waitFor()
  c.unharmed()

  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT', path: '/orders' })
  const lookDark = d.lookout('dark', findings)
  for (const [name, path] of [['orders', '/orders'], ['order', '/orders?id=o-1'], ['catalog', '/catalog'], ['item-missing', '/catalog?id=nothing'], ['identity', '/identity']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})
