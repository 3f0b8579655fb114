// The demo shop, loaded and removed from the home screen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open } from './lib.mjs'

test('the demo shop comes by a click and goes by another', async (t) => {
  const server = await Server.start(t)
  const browser = await open(t)
  const findings = []
  const c = await Console.enter(browser, server, {})
  const { page } = c
  const look = c.lookout('light', findings)
  const d = await Console.enter(browser, server, { scheme: 'dark', locale: 'de-AT' })
  const lookDark = d.lookout('dark', findings)
  await look('demo-absent')

  // By the keyboard: nothing of it needs a mouse.
  await c.tabTo('Load the demo shop')
  await page.keyboard.press('Enter')
  await page.getByRole('progressbar', { name: 'The demo shop is being loaded' }).waitFor()
  const remove = page.getByRole('button', { name: 'Remove the demo shop' })
  await remove.waitFor()
  const shop = await server.get('/api/v1/demo')
  assert.deepEqual([shop.state, shop.complete, shop.items], ['present', true, 240])
  await look('demo-present')
  await d.page.reload()
  await d.signIn()
  await d.page.getByRole('button', { name: 'Den Demo-Shop entfernen' }).click()
  await lookDark('demo-sure')
  await d.page.keyboard.press('Escape')
  await d.page.getByRole('button', { name: 'Den Demo-Shop entfernen' }).waitFor()
  d.unharmed()
  await d.page.close()
  c.unharmed()

  await remove.click()
  await page.getByText('Remove it for good?').waitFor()
  await page.getByRole('button', { name: 'Remove for good' }).click()
  await page.getByRole('button', { name: 'Load the demo shop' }).waitFor()
  assert.equal((await server.get('/api/v1/demo')).state, 'absent')
  assert.deepEqual((await server.get('/api/v1/sources')).items.map((s) => s.key), ['default'])
  // While it starts anew the instance answers nothing, and the browser says so.
  assert.deepEqual(c.faults.filter((f) => !/Failed to load resource/.test(f)), [])
  assert.deepEqual(findings, [])
})
