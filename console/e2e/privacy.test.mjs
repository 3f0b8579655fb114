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
  await page.getByText('A search of everything afterwards found nothing').waitFor({ timeout: 20_000 })
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
