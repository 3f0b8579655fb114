// Members of other roles: what is personal is masked, unmasking is noted, and what a
// role does not include is denied in words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, patience, secretKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

const password = 'a long enough password'

// join invites somebody, and signs them in with the link as they would themselves.
async function join(browser, server, name, roles, scheme, locale) {
  const res = await fetch(`${server.url}/api/v1/members`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, email: `${name.toLowerCase()}@example.com`, roles }),
  })
  const { link } = await res.json()
  assert.equal(res.status, 201)
  const context = await browser.newContext({ locale, colorScheme: scheme, viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce' })
  const c = Object.assign(new Console(), { server, faults: [], page: await context.newPage() })
  c.page.setDefaultTimeout(patience)
  c.page.on('pageerror', (e) => c.faults.push(String(e)))
  await c.page.goto(server.url + new URL(link, server.url).pathname + new URL(link, server.url).hash)
  await c.page.locator('input[name=name]').fill(name)
  await c.page.locator('input[name=email]').fill(`${name.toLowerCase()}@example.com`)
  await c.page.locator('input[name=password]').fill(password)
  await c.page.keyboard.press('Enter')
  await c.page.getByRole('navigation').first().waitFor()
  return c
}

test('a marketer unmasks a person for a reason, and a viewer may not', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { email: 'ada@example.com', first_name: 'Ada' } })
  const browser = await open(t)
  const findings = []
  const c = await join(browser, server, 'Grace', ['marketer'], 'light', 'en-GB')
  const { page } = c
  const look = c.lookout('light', findings)
  await c.go('/people/user_id:u-1')
  await page.getByRole('heading', { name: 'a•••@e•••.com' }).waitFor()
  assert.equal(await page.getByText('ada@example.com').count(), 0)
  await look('profile-masked')
  await c.tabTo('Show what is masked')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByLabel('Why do you look?').fill('she called about order 4711')
  await look('profile-unmask')
  await page.keyboard.press('Enter')
  await page.getByText('ada@example.com').first().waitFor()
  await look('profile-unmasked')
  const noted = (await server.get('/api/v1/audit?limit=50')).items.filter((e) => JSON.stringify(e).includes('4711'))
  assert.equal(noted.length, 1)
  await page.getByRole('button', { name: 'Mask it again' }).click()
  await page.getByText('ada@example.com').first().waitFor({ state: 'detached' })

  // What the role does not include is said, with the next step.
  for (const [name, path] of [['privacy', '/privacy'], ['settings', '/settings?tab=members']]) {
    await c.go(path)
    await page.getByText('You may not see this').waitFor()
    await look(`${name}-denied`)
  }

  // Retention may be read, and says who changes it.
  await server.put('/api/v1/retention-policies/pages', { name: 'Page views', types: ['page'], keep_days: 30 })
  await c.go('/retention/pages')
  await page.getByText('The roles Privacy and Admin change it').waitFor()
  assert.deepEqual([await page.getByLabel('Keep for').isDisabled(), await page.getByRole('button', { name: 'Save' }).count()], [true, 0])
  await look('retention-read')

  await c.go('/settings')
  await page.getByText('Your roles do not show this').first().waitFor()
  await look('settings-some')

  // A list as she looks at it, kept on the server for everybody.
  await server.put('/api/v1/segments/adas?wait=applied', { name: 'Adas', condition: { trait: 'first_name', value: 'Ada' } })
  await c.go('/people?segment=adas')
  await page.getByRole('row').nth(1).waitFor()
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('menuitem', { name: 'Save this view' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('All Adas')
  await page.getByRole('dialog').getByLabel('Everybody sees it').check()
  await look('view-new')
  await page.getByRole('dialog').getByLabel('Name').press('Enter')
  await page.getByRole('button', { name: 'All Adas' }).waitFor()
  await look('people-view')
  assert.deepEqual(c.faults, [])

  const d = await join(browser, server, 'Vera', ['viewer'], 'dark', 'de-AT')
  const lookDark = d.lookout('dark', findings)
  await d.go('/people/user_id:u-1')
  await d.page.getByText('Ihre Rolle darf es nicht sehen').waitFor()
  await lookDark('profile-masked')
  await d.go('/people')
  await d.page.getByRole('button', { name: 'Ansichten' }).click()
  await d.page.getByRole('menuitem', { name: 'All Adas' }).waitFor()
  await d.shot('views-dark')
  await d.page.getByRole('menuitem', { name: 'All Adas' }).click()
  await d.page.waitForURL(/segment=adas/)
  await d.page.getByRole('row').nth(1).waitFor()
  await lookDark('people-view')
  await d.go('/audit')
  await lookDark('audit-denied')

  // What a role does not show is not in the way, and what it does not change is said.
  await d.page.getByRole('link', { name: 'Zustand' }).waitFor()
  assert.equal(await d.page.getByRole('link', { name: 'Protokoll' }).count(), 0)
  await d.go('/segments')
  await d.page.getByText('Ihre Rollen zeigen das und ändern es nicht').waitFor()
  assert.equal(await d.page.getByRole('button', { name: 'Neues Segment' }).count(), 0)
  await d.go('/segments/gone')
  await d.page.getByText('Mit dem Schlüssel "gone" gibt es hier nichts').waitFor()
  await lookDark('segment-gone')
  await d.page.getByRole('link', { name: 'Zur Liste' }).click()
  await d.page.waitForURL(/\/console\/segments$/)
  // What somebody made is found by its name.
  await d.page.keyboard.press('Control+k')
  await d.page.getByRole('combobox').or(d.page.getByPlaceholder('Suchen oder springen …')).first().fill('adas')
  await d.page.getByRole('dialog').getByText('Adas', { exact: true }).waitFor()
  await lookDark('palette-thing')
  await d.page.keyboard.press('Enter')
  await d.page.waitForURL(/segments\/adas/)
  assert.deepEqual(findings, [])
  assert.deepEqual(d.faults, [])
})
