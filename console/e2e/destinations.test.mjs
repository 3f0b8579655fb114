// Destinations: connected by clicks and by keyboard, tried, paused, and mended.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { until } from '../../e2e/clients/lib/site.mjs'
import { Console, open, send } from './lib.mjs'

// listener is the tool outside: it keeps what it is told, and answers as it is told to.
async function listener(t) {
  const told = []
  const one = { told, status: 200 }
  const http = createServer((req, res) => {
    let body = ''
    req.on('data', (part) => { body += part })
    req.on('end', () => {
      told.push({ path: req.url, body: JSON.parse(body) })
      res.writeHead(one.status, { 'Content-Type': 'text/plain' })
      res.end(one.status === 200 ? 'thank you' : 'no such customer')
    })
  })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => http.close())
  one.url = `http://127.0.0.1:${http.address().port}/`
  return one
}

test('a marketer connects a destination, tries it, and mends what did not arrive', async (t) => {
  const server = await Server.start(t, () => ({ RAPPORT_EGRESS_ALLOW: '127.0.0.1' }))
  const crm = await listener(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { email: 'ada@example.com', first_name: 'Ada' } }, { type: 'track', userId: 'u-1', event: 'Order Completed', properties: { total: 31 } })
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, { path: '/destinations' })
  const look = c.lookout('light', findings)
  const { page } = c
  const dialog = page.getByRole('dialog')
  // What the server does in its own time is waited for there: the page only shows it.
  const sent = (outcome) => until(() => server.get(`/api/v1/deliveries?destination=our-crm&outcome=${outcome}`), ({ items }) => items.length === 1, outcome)
  await look('destinations-none')

  // By clicks: a webhook that is told of orders.
  await page.getByRole('main').getByRole('button', { name: 'Connect a destination' }).first().click()
  await dialog.getByText('What do you want to connect?').waitFor()
  await look('destination-kinds')
  await dialog.getByRole('button', { name: /^Webhook/ }).click()
  assert.match(page.url(), /new=webhook/)
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Our CRM')
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  await dialog.getByText('This is needed.').first().waitFor()
  await dialog.getByRole('textbox', { name: 'Address' }).fill(crm.url)
  await dialog.getByRole('switch', { name: 'What people do' }).click()
  await dialog.getByLabel('Events', { exact: true }).first().fill('Order Completed')
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Attributes that go along').first().fill('first_name')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await look('destination-new')
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  await page.getByRole('heading', { name: 'Our CRM' }).waitFor()
  await look('destination')
  const made = await server.get('/api/v1/destinations/our-crm')
  assert.deepEqual([made.type, made.events.names, made.traits, made.live_version], ['webhook', ['Order Completed'], ['first_name'], 1])

  // What would be sent, then sent once.
  await page.getByRole('main').getByRole('button', { name: 'Send a test' }).first().click()
  await dialog.getByLabel('Person').fill('ada')
  await page.getByRole('option', { name: 'ada@example.com' }).click()
  await dialog.getByRole('button', { name: 'Show it' }).click()
  await dialog.getByText('This would be sent').waitFor()
  assert.equal(crm.told.length, 0)
  await dialog.getByRole('button', { name: 'Send it' }).click()
  await dialog.getByText('It was delivered').waitFor()
  await dialog.getByText('thank you').waitFor()
  await look('destination-tried')
  assert.equal((crm.told[0].body.data ?? crm.told[0].body).person.traits.first_name, 'Ada')
  await page.keyboard.press('Escape')

  // What the other side refuses is a dead letter: read it, mend the cause, send it again.
  crm.status = 422
  await send(server, { type: 'track', userId: 'u-1', event: 'Order Completed', properties: { total: 12 } })
  await sent('dead')
  await page.getByRole('row').filter({ hasText: 'Dead letter' }).waitFor()
  await page.getByText('Dead letters 1').click()
  await page.getByRole('row').filter({ hasText: 'Dead letter' }).click()
  await dialog.getByText('no such customer').waitFor()
  await look('delivery-dead')
  crm.status = 200
  await dialog.getByRole('button', { name: 'Send again' }).click()
  await sent('delivered')
  await page.getByText('No dead letter').waitFor()
  await look('destination-dead-none')
  await page.getByText('Delivered 1').click()
  await page.getByRole('row').filter({ hasText: '200' }).waitFor()

  // By keyboard alone: pause it, and take that back; then change what it is told.
  await c.tabTo('Pause')
  await page.keyboard.press('Enter')
  await page.getByRole('main').getByText('Paused', { exact: true }).waitFor()
  assert.equal((await server.get('/api/v1/destinations/our-crm')).state.state, 'paused')
  await c.tabTo('Go on')
  await page.keyboard.press('Enter')
  await page.getByRole('main').getByText('Sending', { exact: true }).waitFor()
  await c.tabTo('Delivery log')
  await page.keyboard.press('ArrowRight')
  await look('destination-setup')
  await page.getByText('A new secret takes the place of the old one at once.').waitFor()
  await c.tabTo('Attributes that go along')
  await page.keyboard.type('email')
  await page.keyboard.press('Enter')
  await page.getByText('Not saved').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.getByText('Not saved').waitFor({ state: 'detached' })
  const now = await server.get('/api/v1/destinations/our-crm')
  assert.deepEqual([now.version, now.traits, now.settings.secrets], [2, ['first_name', 'email'], made.settings.secrets])

  // Alerts may go to it too, and one depends on it.
  await page.getByText('Nothing uses it.').waitFor()
  await page.getByRole('switch', { name: 'Alerts may be sent to it' }).click()
  await page.keyboard.press('Control+Enter')
  await page.getByText('Not saved').waitFor({ state: 'detached' })
  assert.equal((await server.get('/api/v1/destinations/our-crm')).alerts, true)
  await server.put('/api/v1/alerts/lag', { name: 'Profiles are behind', when: { lag: {} }, send_to: ['our-crm'] })
  await page.getByRole('switch', { name: 'Triggered experiences may be sent to it' }).click()
  await page.keyboard.press('Control+Enter')
  await page.getByText('Profiles are behind').waitFor()
  c.unharmed()

  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT', path: '/destinations' })
  const lookDark = d.lookout('dark', findings)
  for (const [name, path] of [['destinations', '/destinations'], ['destination', '/destinations/our-crm'], ['destination-setup', '/destinations/our-crm?tab=setup'], ['destination-yaml', '/destinations/our-crm?tab=yaml'], ['destination-history', '/destinations/our-crm?tab=history'], ['destination-missing', '/destinations/nothing'], ['destination-kinds', '/destinations?new=true'], ['destination-email', '/destinations?new=email']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})
