// Members, keys, the audit log and the health of the system, by clicking and by keyboard.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Server, secretKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open } from './lib.mjs'

test('an admin invites somebody, makes and replaces a key, and reads who did what', async (t) => {
  const server = await Server.start(t, (folder) => ({ RAPPORT_BACKUP_URL: join(folder, 'backups'), RAPPORT_BACKUP_KEEP: '720h', RAPPORT_EGRESS_ALLOW: '127.0.0.1' }))
  const browser = await open(t)
  const findings = []
  const enter = async (scheme, locale) => {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/settings?tab=members' })
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
  // Who is told, and of what.
  await c.go('/alerts')
  await look('alerts-none')
  await server.put('/api/v1/destinations/ops', { name: 'Ops', type: 'webhook', alerts: true, settings: { url: 'http://127.0.0.1:9/', secrets: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'] }, events: {}, mapping: '{n: event.name}' })
  await page.getByRole('button', { name: 'New alert' }).click()
  await dialog.getByLabel('Name', { exact: true }).fill('Too late')
  const choose = async (label, option) => {
    await dialog.getByRole('combobox', { name: label, exact: true }).or(dialog.getByRole('textbox', { name: label, exact: true })).click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }
  await choose('About', 'Profiles are behind')
  await choose('The oldest event waits longer than', '5 minutes')
  await choose('Told by', 'Ops')
  await page.keyboard.press('Escape')
  await look('alert-new')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'Too late' }).waitFor()
  assert.deepEqual((await server.get('/api/v1/alerts/too-late')).document, { name: 'Too late', when: { lag: { above: '5m' } }, send_to: ['ops'] })
  await look('alert')
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('127.0.0.1').or(page.getByText('waits')).first().waitFor()
  await page.getByRole('button', { name: 'Switch off' }).click()
  await page.getByText('Switched off').waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('button', { name: 'Switch off' }).waitFor()
  await c.go('/alerts')
  await page.getByText('All is well').waitFor()
  await look('alerts-well')

  // A backup is made, and looked over.
  await c.go('/backups')
  await look('backups-none')
  await page.getByRole('button', { name: 'Back up now' }).click()
  await page.getByRole('button', { name: /^Verify the backup/ }).first().click()
  await page.getByText('every byte is right').waitFor()
  await look('backups')
  await c.go('/settings')
  await page.getByText('1 alert').waitFor()
  await look('settings')
  c.unharmed()

  const [d, lookDark] = await enter('dark', 'de-AT')
  await lookDark('members')
  await d.page.getByRole('row', { name: /Grace/ }).click()
  await lookDark('member')
  await d.page.keyboard.press('Escape')
  for (const [name, path] of [['keys', '/settings?tab=keys'], ['settings', '/settings'], ['alerts-well', '/alerts'], ['alerts', '/alerts?tab=rules'], ['alerts-said', '/alerts?tab=said'], ['alert', '/alerts/too-late'], ['alert-none', '/alerts/nothing'], ['backups', '/backups'], ['appearance', '/settings?tab=appearance'], ['audit', '/audit'], ['health', '/health']]) {
    await d.go(path)
    await lookDark(name)
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})

// A member's own ways in: a passkey of Chromium's virtual authenticator, and what the
// sign-in page says of the provider at which members sign in.
test('a member makes a passkey and signs in with it', async (t) => {
  const server = await Server.start(t)
  const browser = await open(t)
  const findings = []
  const { link } = await fetch(`${server.url}/api/v1/members`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Ada', email: 'ada@example.com', roles: ['admin'] }),
  }).then((res) => res.json())
  // Passkeys are for names: the same server by another one.
  const c = await Console.at(browser, { url: server.url.replace('127.0.0.1', 'localhost') }, { path: link.replace('/console', '') })
  const look = c.lookout('light', findings)
  const { page } = c
  const device = await page.context().newCDPSession(page)
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  await page.getByLabel('Your name').fill('Ada')
  await page.getByLabel('E-mail address').fill('ada@example.com')
  await page.getByLabel('Choose a password').fill('a few good words')
  await page.keyboard.press('Enter')
  await page.getByRole('navigation').first().waitFor()

  await c.go('/settings?tab=account')
  await page.getByText('You have no passkey yet.').waitFor()
  await look('account-none')
  await c.tabTo('New passkey')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Work laptop')
  await look('passkey-new')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Remove: Work laptop' }).waitFor()
  await look('account')
  const signOut = async () => {
    await page.getByRole('button', { name: 'Account' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
  }
  await signOut()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('navigation').first().waitFor()
  assert.equal((await server.get('/api/v1/members')).items[0].passkeys, 1)
  assert.ok((await server.get('/api/v1/audit')).items.some((e) => e.operation === 'sign-in-passkey'))

  // An admin takes the passkeys of a lost device away, and is asked before.
  await c.go('/settings?tab=members')
  await page.getByRole('row', { name: /Ada/ }).click()
  await dialog.getByRole('button', { name: 'Remove: 1 passkey' }).click()
  await look('member-ways')
  await dialog.getByRole('button', { name: 'Yes, Remove' }).click()
  await dialog.getByText('Other ways in').waitFor({ state: 'detached' })
  assert.equal((await server.get('/api/v1/members')).items[0].passkeys, 0)
  await page.keyboard.press('Escape')

  // Nobody verifies: the device refuses, and the page says what else there is.
  await signOut()
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByText('No passkey was chosen').waitFor()
  await page.route('**/api/v1/session/ways', (r) => r.fulfill({ json: { openid: { name: 'Example Ltd', url: '/api/v1/session/openid' }, passkeys: true } }))
  await page.goto(`${c.server.url}/console/segments?refused=not_invited`)
  await page.getByText('Ask an admin to invite you.').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Sign in with Example Ltd' }).getAttribute('href'), '/api/v1/session/openid?to=%2Fsegments')
  findings.push(...(await c.accessible('sign-in')))
  await c.shot('sign-in-light')
  assert.deepEqual(findings, [])
  c.unharmed()
})
