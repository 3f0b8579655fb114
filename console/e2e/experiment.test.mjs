// Experiments by clicking: planned, started, looked at, finished.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, secretKey, writeKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('a marketer plans an experiment, starts it, reads the result and finishes it', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'track', userId: 'u-1', event: 'Order Completed', properties: { total: 31.5 } })
  const browser = await open(t)
  const findings = []
  const enter = async (scheme, locale) => {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/experiments' })
    return [c, c.lookout(scheme, findings)]
  }
  const [c, look] = await enter('light', 'en-GB')
  const { page } = c
  await look('experiments-none')
  await page.getByRole('button', { name: 'New experiment' }).click()
  await page.getByLabel('Name').fill('Short checkout')
  await page.getByRole('button', { name: 'Choose what decides' }).click()
  await page.getByRole('combobox', { name: 'Event' }).fill('Order')
  await page.getByRole('option', { name: 'Order Completed' }).click()
  await page.getByText(/Needs .* people per variant/).waitFor()
  await look('experiment-new')
  await page.getByRole('button', { name: 'Save the plan' }).click()
  await page.getByRole('heading', { name: 'Short checkout' }).waitFor()
  await look('experiment-setup')
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByText('It runs').waitFor()
  await c.go('/experiments/short-checkout?tab=results')
  await look('experiment-waiting')
  await people(server)
  await page.getByText('400 people take part').waitFor()
  await look('experiment-results')
  // Of whom the results are is a switch, and in the address.
  await page.getByLabel('Only people whose time is over').check({ force: true })
  await page.waitForURL(/mature=true/)
  await page.getByText('Nobody is left').waitFor()
  await look('experiment-nobody-left')
  await page.getByLabel('Only people whose time is over').uncheck({ force: true })
  await page.getByText('400 people take part').waitFor()
  await c.go('/experiments/short-checkout?tab=links')
  await page.getByLabel('Page').fill('https://shop.example/checkout')
  await page.getByRole('button', { name: 'Make a link' }).last().click()
  await page.getByText('rapport_qa=').waitFor()
  await look('experiment-links')

  // A draft beside it stays one.
  const { document } = await server.get('/api/v1/experiments/short-checkout')
  await server.put('/api/v1/experiments/short-checkout?status=draft', { ...document, phases: undefined, name: 'Shorter checkout' })
  const [d, lookDark] = await enter('dark', 'de-AT')
  await lookDark('experiments')
  await d.go('/experiments/short-checkout')
  await d.page.getByText('Version 3 ist ein Entwurf').waitFor()
  for (const tab of ['results', 'setup', 'links', 'yaml', 'history']) {
    await d.go(`/experiments/short-checkout?tab=${tab}`)
    await lookDark(`experiment-${tab}`)
  }
  await d.go('/experiments?state=archived')
  await lookDark('experiments-none-archived')
  await d.go('/experiments?new=true')
  await lookDark('experiment-new')

  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('Paused: nobody else').waitFor()
  assert.deepEqual((await server.get('/api/v1/experiments/short-checkout/versions')).items.map((v) => v.status), ['live', 'draft', 'archived', 'archived'])
  await page.getByRole('button', { name: 'Finish' }).click()
  await page.getByRole('combobox', { name: 'Winner' }).click()
  await page.getByRole('option', { name: 'variant' }).click()
  await page.getByLabel('What was learned').fill('Fewer steps sell more.')
  await look('experiment-stop')
  await page.getByRole('button', { name: 'Finish now' }).click()
  await page.getByText('Finished', { exact: true }).first().waitFor()
  await page.getByRole('tab', { name: 'Results' }).click()
  await page.getByText('Fewer steps sell more.').waitFor()
  assert.equal((await server.get('/api/v1/experiments/short-checkout')).document.conclusion.winner, 'variant')
  await c.go('/experiments')
  await look('experiments')
  assert.deepEqual(findings, [])
  c.unharmed()
  d.unharmed()
})

// people come in and buy: more of those who got the variant.
async function people(server) {
  const events = []
  for (let i = 0; i < 400; i++) {
    const res = await fetch(`${server.url}/v1/decide`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${writeKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ anonymousId: `a-${i}`, experiments: ['short-checkout'] }),
    })
    const { experiments } = await res.json()
    const better = experiments['short-checkout'].variant === 'variant'
    if (i % 10 < (better ? 7 : 3)) events.push({ type: 'track', anonymousId: `a-${i}`, event: 'Order Completed', properties: { total: 20 } })
  }
  for (let i = 0; i < events.length; i += 100) await send(server, ...events.slice(i, i + 100))
}

test('an experiment is planned and started with the keyboard alone', async (t) => {
  const server = await Server.start(t)
  const c = await Console.enter(await open(t), server, { path: '/experiments' })
  const { page } = c
  const { keyboard } = page
  await page.getByRole('button', { name: 'New experiment' }).waitFor()
  await c.tabTo('New experiment')
  await keyboard.press('Enter')
  await page.getByLabel('Name').waitFor()
  await c.tabTo('Name')
  await keyboard.type('Keys')
  await c.tabTo('Choose what decides')
  await keyboard.press('Enter')
  await c.tabTo('Event', 'Shift+Tab')
  await keyboard.type('Order Completed')
  await keyboard.press('Control+Enter')
  await page.getByRole('heading', { name: 'Keys' }).waitFor()
  await c.tabTo('Start')
  await keyboard.press('Enter')
  await page.getByText('It runs').waitFor()
  const res = await fetch(`${server.url}/api/v1/experiments/keys`, { headers: { Authorization: `Bearer ${secretKey}` } })
  const { document } = await res.json()
  assert.deepEqual([document.state, document.metrics[0].event.name], ['running', 'Order Completed'])
  c.unharmed()
})
