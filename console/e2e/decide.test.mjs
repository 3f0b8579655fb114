// Decision models by clicking, and once more with the keyboard alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('a marketer draws a decision, tries it with a person and publishes it', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { first_name: 'Ada', email: 'ada@example.com', city: 'London' } })
  const browser = await open(t)
  for (const [scheme, locale] of [['light', 'en-GB'], ['dark', 'de-AT']]) {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/decisions' })
    const findings = []
    const look = c.lookout(scheme, findings)
    const en = locale === 'en-GB'
    await look(en ? 'models-none' : 'models')
    if (en) await draw(c, look)
    await c.go('/decisions/next-offer')
    await c.page.locator('.djs-shape').first().waitFor()
    await look('model-draw')
    await c.page.getByRole('button', { name: 'Next offer', exact: false }).first().click()
    await look('model-box')
    await c.page.getByRole('button', { name: en ? 'Open the table' : 'Tabelle öffnen' }).click()
    await c.page.locator('.tjs-table').waitFor()
    await look('model-table')
    for (const tab of ['uses', 'document', 'history']) {
      await c.go(`/decisions/next-offer?tab=${tab}`)
      await look(`model-${tab}`)
    }
    await c.go('/decisions/next-offer?tab=try&person=email:ada@example.com')
    await c.page.locator('.rp-value').first().waitFor()
    await look('model-try')
    await c.go('/decisions')
    await c.page.getByRole('row', { name: /Next offer/ }).waitFor()
    await look('models-some')
    await c.go('/decisions?new=true')
    await look('model-new')
    assert.deepEqual(findings, [])
    c.unharmed()
  }
})

async function draw(c, look) {
  const { page } = c
  await page.getByRole('button', { name: 'New decision model' }).first().click()
  await page.getByLabel('Name').fill('Next offer')
  await page.getByRole('radio', { name: 'Next offer' }).click()
  await page.getByRole('button', { name: 'Create and draw' }).click()
  await page.locator('.djs-shape').first().waitFor()
  await page.getByRole('button', { name: 'Add a box' }).click()
  await page.getByRole('menuitem', { name: /Text template/ }).click()
  const name = page.getByLabel('Name', { exact: true })
  await name.fill('Greeting')
  await name.blur()
  await page.getByRole('combobox', { name: 'Needs' }).click()
  await page.getByRole('option', { name: 'Next offer' }).click()
  await page.keyboard.press('Escape')
  await page.getByLabel('Text', { exact: true }).fill('For you: {Next offer}')
  await page.getByLabel('Text', { exact: true }).blur()
  await look('model-template')
  await page.getByRole('button', { name: 'Save and try' }).click()
  await page.getByRole('combobox', { name: 'With whom' }).fill('ada')
  await page.getByRole('option', { name: 'ada@example.com' }).click()
  await page.getByText('For you: ten percent off the first order').first().waitFor()
  await page.getByRole('button', { name: 'Publish version 2' }).click()
  await page.getByText('Version 2 decides from now on').waitFor()
  const model = await c.server.get('/api/v1/decision-models/next-offer')
  assert.equal(model.live_version, 2)
}

test('all of that works with the keyboard alone', async (t) => {
  const server = await Server.start(t)
  const c = await Console.enter(await open(t), server, { path: '/decisions' })
  const { page } = c
  const { keyboard } = page
  await c.tabTo('New decision model')
  await keyboard.press('Enter')
  await page.getByLabel('Name').waitFor()
  await c.tabTo('Name')
  await keyboard.type('Keys')
  await keyboard.press('Control+Enter')
  await page.locator('.djs-shape').first().waitFor()
  await c.tabTo('Add a box')
  await keyboard.press('Enter')
  await c.choose(page.getByRole('menuitem', { name: /Formula/ }))
  await c.tabTo('Name')
  await keyboard.press('Control+a')
  await keyboard.type('Half')
  await c.tabTo('Formula')
  await keyboard.type('order_count / 2')
  await c.tabTo('Save draft')
  await keyboard.press('Enter')
  await page.getByText('Saved as version 2').waitFor()
  const model = await server.get('/api/v1/decision-models/keys')
  assert.deepEqual(model.decisions.map((d) => d.name).sort(), ['Half', 'Next offer'])
  c.unharmed()
})
