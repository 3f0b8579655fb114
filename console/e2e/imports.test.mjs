// A table is loaded by clicks; by keys alone in tasks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open } from './lib.mjs'

test('a marketer loads a table, and sees what became of every row', async (t) => {
  const server = await Server.start(t)
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, { path: '/imports' })
  const look = c.lookout('light', findings)
  const { page } = c
  const main = page.getByRole('main')
  await look('imports-none')
  await main.getByRole('link', { name: 'Load a table' }).first().click()
  await look('import-new')
  const table = { name: 'kunden-2026.csv', mimeType: 'text/csv', buffer: Buffer.from('Kundennr;Mail;Umsatz;Ort\n1;ada@example.com;12,5;Wien\n2;bob@example.com;x;Graz\n') }
  await main.locator('input[type=file]').setInputFiles(table)
  await main.getByText('What the first rows become').waitFor()
  await page.getByLabel('The rows are').first().click()
  await page.getByRole('option', { name: 'People' }).click()

  // The number of a customer is who they are, and a sum is a number with a comma.
  await page.getByLabel('Becomes: Kundennr').first().click()
  await page.getByRole('option', { name: 'User id' }).click()
  await main.getByText('"userId"').first().waitFor()
  await page.getByLabel('As: Umsatz').first().click()
  await page.getByRole('option', { name: 'Number', exact: true }).click()
  await page.getByLabel('Decimal comma').check()
  await main.getByText('12.5').first().waitFor()
  await page.getByLabel('Becomes: Ort').first().click()
  await page.getByRole('option', { name: 'Left out' }).click()
  await main.getByText('has a flaw').waitFor()
  await look('import-mapping')
  assert.equal((await server.get('/api/v1/imports')).items.length, 0)

  // Under which key the mapping is kept, and on.
  assert.equal(await main.getByLabel('Keep this mapping as').inputValue(), 'kunden')
  await main.getByRole('button', { name: 'Import', exact: true }).click()
  await main.getByText('Rows that were not simply taken').waitFor()
  await main.getByRole('cell', { name: 'Umsatz' }).waitFor()
  await look('import-done')
  const [made] = (await server.get('/api/v1/imports')).items
  assert.deepEqual([made.state, made.sums.rows, made.sums.inserted + made.sums.updated, made.sums.failed, made.mapping], ['done', 2, 1, 1, 'kunden'])
  const ada = await server.profile('user_id', '1')
  assert.deepEqual([ada.traits.Umsatz, ada.traits.Ort], [12.5, undefined])
  const fetched = page.waitForEvent('download')
  await main.getByRole('button', { name: 'Download the report' }).click()
  assert.match((await fetched).suggestedFilename(), /^import-.*\.csv$/)
  c.unharmed()

  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT', path: '/imports' })
  const lookDark = d.lookout('dark', findings)
  for (const [name, path] of [['imports', '/imports'], ['import-done', `/imports/${made.id}`], ['import-yaml', `/imports/${made.id}?tab=mapping`], ['import-missing', '/imports/nothing']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})
