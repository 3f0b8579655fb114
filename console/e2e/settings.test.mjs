// Members, keys, the audit log and the health of the system, by clicking and by keyboard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open } from './lib.mjs'

test('an admin invites somebody, makes and replaces a key, and reads who did what', async (t) => {
  const server = await Server.start(t)
  const browser = await open(t)
  const findings = []
  const enter = async (scheme, locale) => {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/settings' })
    return [c, c.lookout(scheme, findings)]
  }
  const [c, look] = await enter('light', 'en-GB')
  const { page } = c
  await look('members-none')
  await page.getByRole('button', { name: 'Invite somebody' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Grace')
  await dialog.getByLabel('E-mail address').fill('grace@example.com')
  await dialog.getByRole('checkbox', { name: 'Marketer' }).check()
  await look('member-new')
  await dialog.getByRole('button', { name: 'Invite somebody' }).click()
  await dialog.getByText(/\/console\/start#/).waitFor()
  await look('member-link')
  await page.keyboard.press('Escape')
  const [grace] = (await server.get('/api/v1/members')).items
  assert.deepEqual([grace.email, grace.roles], ['grace@example.com', ['viewer', 'marketer']])

  // A key, with the keyboard alone.
  await c.go('/settings?tab=keys')
  await look('keys-none')
  await c.tabTo('New key')
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Name').waitFor()
  await c.tabTo('Name')
  await page.keyboard.type('shop backend')
  await page.keyboard.press('Control+Enter')
  await dialog.getByText('This key is shown only now').waitFor()
  await look('key-made')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Actions for shop backend' }).click()
  await page.getByRole('menuitem', { name: 'Replace' }).click()
  await look('key-replace')
  await dialog.getByRole('button', { name: 'Replace' }).click()
  await dialog.getByText('This key is shown only now').waitFor()
  await page.keyboard.press('Escape')
  assert.equal((await server.get('/api/v1/keys')).items.filter((k) => k.name === 'shop backend').length, 2)
  await c.go('/settings?tab=appearance')
  await look('appearance')
  await c.go('/audit')
  await page.getByText('invite-member').waitFor()
  await look('audit')
  await page.getByLabel('What').fill('create-key')
  await page.getByText('invite-member').waitFor({ state: 'detached' })
  assert.match(page.url(), /operation=create-key/)
  await c.go('/audit?operation=nothing-like-it')
  await look('audit-none')
  await c.go('/health')
  await page.getByText('It takes events and answers.').waitFor()
  await look('health')
  c.unharmed()

  const [d, lookDark] = await enter('dark', 'de-AT')
  await lookDark('members')
  await d.page.getByRole('row', { name: /Grace/ }).click()
  await lookDark('member')
  await d.page.keyboard.press('Escape')
  for (const [name, path] of [['keys', '/settings?tab=keys'], ['appearance', '/settings?tab=appearance'], ['audit', '/audit'], ['health', '/health']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})
