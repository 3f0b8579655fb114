// People answer for what they asked: exported and erased, by clicks and by keyboard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('a person is exported and erased, with a proof', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { email: 'ada@example.com', first_name: 'Ada' } }, { type: 'identify', userId: 'u-2', traits: { email: 'bob@example.com' } })
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, { path: '/privacy' })
  const look = c.lookout('light', findings)
  const { page } = c
  const dialog = page.getByRole('dialog')
  await look('privacy-none')

  // By clicks: everything that is known.
  await page.getByRole('main').getByRole('button', { name: 'Export a person' }).click()
  await dialog.getByLabel('Person').first().fill('ada')
  await page.getByRole('option', { name: 'ada@example.com' }).click()
  await look('privacy-export-ask')
  await dialog.getByRole('button', { name: 'Collect it' }).click()
  await page.getByRole('button', { name: 'Download the file' }).waitFor()
  await look('privacy-export')
  const fetched = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download the file' }).click()
  assert.match((await fetched).suggestedFilename(), /\.zip$/)

  // By keyboard alone: forgotten.
  await page.keyboard.press('g')
  await page.keyboard.press('v')
  await page.getByRole('row').filter({ hasText: 'Export' }).waitFor()
  await c.tabTo('Erase a person')
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Person').first().waitFor()
  await c.tabTo(dialog.getByLabel('Person'))
  await page.keyboard.type('ada')
  await page.getByRole('option', { name: 'ada@example.com' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await c.tabTo(dialog.getByRole('checkbox'))
  await page.keyboard.press('Space')
  await page.keyboard.press('Tab')
  await look('privacy-erase-ask')
  await c.tabTo('Erase for good')
  await page.keyboard.press('Enter')
  await page.getByText('A search of everything afterwards found nothing').waitFor()
  await look('privacy-proof')
  assert.deepEqual((await server.get('/api/v1/profiles?query=ada')).items, [])
  assert.equal((await server.profile('user_id', 'u-2')).traits.email, 'bob@example.com')
  c.unharmed()
  const done = page.url().split('/console')[1]

  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT', path: '/privacy' })
  const lookDark = d.lookout('dark', findings)
  for (const [name, path] of [['privacy', '/privacy'], ['privacy-proof', done], ['privacy-erase-ask', '/privacy?new=erasure'], ['privacy-missing', '/privacy/nothing']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})

test('events are kept as long as a policy says, and the record of processing says so', async (t) => {
  const server = await Server.start(t)
  await send(
    server,
    { type: 'page', name: 'Home', userId: 'u-1', timestamp: '2020-03-04T10:00:00Z' },
    { type: 'page', name: 'Home', userId: 'u-1', timestamp: '2020-03-05T10:00:00Z' },
    { type: 'track', event: 'Order Completed', userId: 'u-1', timestamp: '2020-03-04T10:00:00Z', properties: { order_id: 'o-1', total: 5 } },
    { type: 'page', name: 'Home', userId: 'u-1' },
  )
  await server.put('/api/v1/segments/visitors?wait=applied', { name: 'Visitors', condition: { page: 'Home', count: { min: 1 } } })
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, { path: '/retention' })
  const look = c.lookout('light', findings)
  const { page } = c
  const dialog = page.getByRole('dialog')
  await look('retention-none')

  // By keyboard alone: written, counted, kept, and changed.
  await c.tabTo('New policy')
  await page.keyboard.press('Enter')
  await c.tabTo(dialog.getByLabel('Name', { exact: true }))
  await page.keyboard.type('Page views')
  await c.tabTo(dialog.getByLabel('Keep for'))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('90')
  await c.tabTo(dialog.getByRole('textbox', { name: 'Types of events' }).or(dialog.getByRole('combobox', { name: 'Types of events' })))
  await page.keyboard.type('Page')
  await page.getByRole('option', { name: 'Page views' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await c.tabTo(dialog.getByLabel('Purpose'))
  await page.keyboard.type('Measuring the shop')
  await c.tabTo('Count what would go')
  await page.keyboard.press('Enter')
  await dialog.getByRole('table', { name: 'This would go' }).getByRole('row', { name: 'Events 2' }).waitFor()
  await dialog.getByRole('link', { name: 'visitors' }).waitFor()
  await look('retention-new')
  await c.tabTo('Save')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Page views' }).waitFor()
  await look('retention-policy')
  assert.deepEqual((await server.get('/api/v1/retention-policies/page-views')).document, { name: 'Page views', keep_days: 90, types: ['page'], purpose: 'Measuring the shop' })
  assert.equal((await server.get('/api/v1/retention')).floors.length, 0)
  await page.getByRole('textbox', { name: 'Legal basis' }).or(page.getByRole('combobox', { name: 'Legal basis' })).click()
  await page.getByRole('option', { name: 'Consent' }).click()
  await page.keyboard.press('Control+Enter')
  await page.getByText('Saved. The first run').last().waitFor()
  await page.getByRole('tab', { name: 'History' }).click()
  await page.getByRole('button', { name: /^Version 2/ }).waitFor()
  await look('retention-history')

  // Taken out, for good.
  await c.go('/retention?tab=runs')
  await page.getByRole('button', { name: 'Take out now' }).click()
  await dialog.getByRole('checkbox').check()
  await look('retention-sure')
  await dialog.getByRole('button', { name: 'Take out now' }).click()
  await page.getByText('This was taken out').waitFor()
  await page.getByRole('heading', { name: 'Up to when events are gone' }).waitFor()
  await look('retention-runs')
  assert.deepEqual((await server.timeline('user_id', 'u-1')).map((e) => e.type).sort(), ['page', 'track'])

  // The record of processing, with what only the controller can say.
  await c.go('/retention?tab=record')
  await look('retention-record-missing')
  await page.getByRole('button', { name: 'Edit' }).click()
  await dialog.getByLabel('Controller', { exact: true }).fill('Shop Ltd')
  await dialog.getByLabel('Contact of the controller').fill('1 High Street')
  await dialog.getByLabel('Categories of people').fill('Customers')
  await page.keyboard.press('Enter')
  await look('retention-statement')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Saved. The record').waitFor()
  assert.deepEqual((await server.get('/api/v1/processing-record')).statement, { controller: { name: 'Shop Ltd', contact: '1 High Street' }, people: ['Customers'] })
  const fetched = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download as a document' }).click()
  assert.equal((await fetched).suggestedFilename(), 'record-of-processing.md')

  // What is asked of consent, by keyboard: a purpose, and what events need.
  await page.keyboard.press('g')
  await page.keyboard.press('q')
  await page.getByRole('heading', { name: 'Nobody is asked for consent' }).waitFor()
  await look('consent-none')
  await c.tabTo('Name the first purpose')
  await page.keyboard.press('Enter')
  await c.tabTo('Key 1')
  await page.keyboard.type('marketing')
  await c.tabTo('Name 1')
  await page.keyboard.type('Offers')
  await c.tabTo('Add a rule')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Saved. Events that come').waitFor()
  assert.deepEqual((await server.get('/api/v1/consent-policy')).document, { purposes: [{ key: 'marketing', name: 'Offers' }], sources: [{ source: '*', purpose: 'marketing', mode: 'anonymous' }] })
  await look('consent')
  c.unharmed()

  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT', path: '/retention' })
  const lookDark = d.lookout('dark', findings)
  for (const [name, path] of [
    ['retention', '/retention'], ['retention-runs', '/retention?tab=runs'], ['retention-record', '/retention?tab=record'], ['retention-new', '/retention?new=true'],
    ['retention-policy', '/retention/page-views'], ['retention-yaml', '/retention/page-views?tab=yaml'], ['retention-missing', '/retention/nothing'], ['consent', '/consent'], ['source-sessions', '/sources/default?tab=sessions'],
  ]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})
