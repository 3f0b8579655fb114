// What a marketer does, by clicks alone and by keys alone, on one server. Twelve
// tasks: connect a source, map a file, find a person, merge and split, replay a dead
// letter, show an experience, read what came of it: here. The other five are by
// clicks and by keys where the rest of their screens is tested: a segment
// (segments), a broadcast (broadcasts), an experiment (experiment), a decision
// (decide), and erasing somebody (privacy by keys, here by clicks). Mapping, the
// experience and its result are by clicks in imports and experience.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, writeKey } from '../../e2e/clients/lib/server.mjs'
import { until } from '../../e2e/clients/lib/site.mjs'
import { Console, open, send } from './lib.mjs'

// hear sends an event with a key of a source.
async function hear(server, key) {
  const res = await fetch(`${server.url}/v1/track?wait=applied`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${key}:`)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ event: 'Visited', userId: 'u-9' }),
  })
  assert.equal(res.status, 200, await res.text())
}

const keyOf = async (server, source) => (await server.get(`/api/v1/sources/${source}`)).write_keys[0].key

// are waits until two are one person, or until they are not.
async function are(server, one, a, b) {
  const id = async (name) => (await server.get(`/api/v1/profiles/user_id:${name}`)).id
  await until(async () => (await id(a)) === (await id(b)), (same) => same === one, `${a} and ${b} are ${one ? 'two' : 'one'}`)
}

const table = { name: 'customers.csv', mimeType: 'text/csv', buffer: Buffer.from('Number;Mail;Town\n1;eva@example.com;Wien\n') }

test('tasks', async (t) => {
  const server = await Server.start(t)
  const people = ['ada', 'bob', 'cleo', 'dora'].map((name) => ({ type: 'identify', userId: name, anonymousId: `device-${name}`, traits: { email: `${name}@example.com` } }))
  await send(server, ...people, { type: 'nonsense', userId: 'ada', event: 'Lost' }, { type: 'nonsense', userId: 'bob', event: 'Lost' })
  const browser = await open(t)

  await t.test('by clicks', async () => {
    const c = await Console.enter(browser, server)
    const { page } = c
    const main = page.getByRole('main')
    const dialog = page.getByRole('dialog')
    const rail = (name) => page.getByRole('navigation').first().getByRole('link', { name, exact: true }).click()

    await rail('Sources')
    await main.getByRole('button', { name: 'Add a source' }).click()
    await dialog.getByLabel('Name').fill('Web shop')
    await dialog.getByRole('button', { name: 'Add the source' }).click()
    await page.getByText('Waiting for the first event').waitFor()
    const key = await keyOf(server, 'web-shop')
    await page.getByText(key).first().waitFor()
    await hear(server, key)
    await page.getByText('Events are coming in').waitFor()

    await rail('People')
    await main.getByLabel('Search people').fill('ada@')
    await page.getByRole('row', { name: /ada@example.com/ }).click()
    await page.getByRole('heading', { name: 'ada@example.com' }).waitFor()
    await page.getByRole('tab', { name: 'Identity' }).click()
    await page.getByLabel('Identifier', { exact: true }).fill('bob@example.com')
    await page.getByRole('button', { name: 'Join', exact: false }).click()
    await page.getByText('They are one person now').waitFor()
    await are(server, true, 'ada', 'bob')
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByText('It was taken back').waitFor()
    await are(server, false, 'ada', 'bob')
    await page.getByRole('row', { name: /device-ada/ }).getByRole('button', { name: 'Split' }).first().click()
    await page.getByText('The two identifiers no longer link').waitFor()

    await rail('Dead letters')
    // What a row says is below its heading.
    const left = (role, name) => page.getByRole(role, { name, exact: true }).first().evaluate((e) => Math.round(e.getBoundingClientRect().left))
    assert.equal(await left('cell', 'default'), await left('columnheader', 'Source'))
    await page.getByRole('row').nth(1).click()
    await dialog.getByRole('textbox').fill('{"type":"track","event":"Found","userId":"ada"}')
    await dialog.getByRole('button', { name: 'Send the repaired event' }).click()
    await page.getByText('The repaired event was taken in').waitFor()
    assert.equal((await server.get('/api/v1/dead-letters')).items.length, 1)

    await rail('Privacy requests')
    await main.getByRole('button', { name: 'Erase a person' }).click()
    await dialog.getByLabel('Person').first().fill('cleo')
    await page.getByRole('option', { name: 'cleo@example.com' }).click()
    await dialog.getByRole('checkbox').check()
    await dialog.getByRole('button', { name: 'Erase for good' }).click()
    await page.getByText('A search of everything afterwards found nothing').waitFor()
    assert.deepEqual((await server.get('/api/v1/profiles?query=cleo')).items, [])
    c.unharmed()
  })

  await t.test('by keys', async () => {
    const c = await Console.enter(browser, server)
    const { page } = c
    const { keyboard } = page
    // Asked for early: the browser takes a moment to hand its dialog over.
    const chooser = page.waitForEvent('filechooser', { timeout: 0 })
    chooser.catch(() => undefined)
    const dialog = page.getByRole('dialog')
    const go = async (letter) => {
      await c.settled()
      await keyboard.press('g')
      await keyboard.press(letter)
      await c.settled()
    }
    const field = (name) => page.getByRole('combobox', { name, exact: true }).or(page.getByRole('textbox', { name, exact: true })).first()
    // pick opens a choice and goes down to what is meant.
    const pick = async (name, option) => {
      await c.tabTo(field(name))
      await keyboard.press('ArrowDown')
      const there = page.getByRole('option', { name: option, exact: true })
      await there.waitFor()
      for (let n = 0; n < 40 && (await there.getAttribute('data-combobox-selected')) !== 'true'; n++) await keyboard.press('ArrowDown')
      await keyboard.press('Enter')
    }
    const tab = async (name) => {
      await c.tabTo(page.getByRole('tab', { selected: true }))
      const there = page.getByRole('tab', { name, exact: true })
      for (let n = 0; n < 9 && (await there.getAttribute('aria-selected')) !== 'true'; n++) await keyboard.press('ArrowRight')
      assert.equal(await there.getAttribute('aria-selected'), 'true')
    }

    // Connect a source, and say when its visits end.
    await go('s')
    await c.tabTo('Add a source')
    await keyboard.press('Enter')
    await c.tabTo(dialog.getByLabel('Name'))
    await keyboard.type('Till')
    await keyboard.press('Control+Enter')
    await page.getByText('Waiting for the first event').waitFor()
    await hear(server, await keyOf(server, 'till'))
    await page.getByText('Events are coming in').waitFor()
    await tab('Sessions')
    await c.tabTo(page.getByLabel('A session ends after'))
    await keyboard.type('45')
    await c.tabTo('Add a point of sale')
    await keyboard.press('Enter')
    await c.tabTo(page.getByRole('textbox', { name: 'Point of sale', exact: true }), 'Shift+Tab')
    await keyboard.type('Graz')
    await keyboard.press('Control+Enter')
    await page.getByText('Saved. Sessions that are open').waitFor()
    const till = await server.get('/api/v1/sources/till')
    assert.deepEqual([till.session_timeout_minutes, till.points_of_sale], [45, [{ name: 'Graz', session_timeout_minutes: 20 }]])

    // Map a file.
    await go('i')
    await c.tabTo('Load a table')
    await keyboard.press('Enter')
    await page.getByRole('button', { name: 'Choose a file' }).waitFor()
    await c.settled()
    await c.tabTo(page.getByRole('button', { name: 'Choose a file' }))
    await keyboard.press('Enter')
    await (await chooser).setFiles(table)
    await page.getByText('What the first rows become').waitFor()
    await pick('The rows are', 'People')
    await pick('Becomes: Number', 'User id')
    await pick('Becomes: Town', 'Left out')
    await page.getByText('"userId"').first().waitFor()
    await keyboard.press('Control+Enter')
    await page.getByRole('heading', { name: 'customers.csv' }).waitFor()
    await until(async () => (await server.get('/api/v1/imports')).items[0]?.state, (state) => state === 'done', 'the import')
    const eva = await server.profile('user_id', '1')
    assert.deepEqual([eva.identifiers.map((i) => i.value).sort(), eva.traits.Town], [['1', 'eva@example.com'], undefined], JSON.stringify(eva))

    // Find a person, make one of two, and two of one. Escape ends a search.
    await keyboard.press('Control+k')
    await page.getByPlaceholder('Search or jump to').waitFor()
    await keyboard.press('Escape')
    await page.getByPlaceholder('Search or jump to').waitFor({ state: 'detached' })
    await keyboard.press('Control+k')
    await page.locator(':focus').and(page.getByPlaceholder('Search or jump to')).waitFor()
    await keyboard.type('dora@')
    const found = page.locator('button', { hasText: 'dora@example.com' })
    await found.waitFor()
    assert.deepEqual(await c.accessible('palette'), [])
    for (let n = 0; n < 9 && (await found.getAttribute('data-selected')) !== 'true'; n++) await keyboard.press('ArrowDown')
    await keyboard.press('Enter')
    await page.getByRole('heading', { name: 'dora@example.com' }).waitFor()
    await tab('Identity')
    await c.tabTo(page.getByLabel('Identifier', { exact: true }))
    await keyboard.type('bob@example.com')
    await keyboard.press('Enter')
    await page.getByText('They are one person now').waitFor()
    await are(server, true, 'dora', 'bob')
    await c.tabTo('Take back')
    await keyboard.press('Enter')
    await page.getByText('It was taken back').waitFor()
    await are(server, false, 'dora', 'bob')
    await c.tabTo('Split', 'Shift+Tab')
    await keyboard.press('Enter')
    await page.getByText('The two identifiers no longer link').waitFor()

    // Repair a dead letter and send it again.
    await go('d')
    await keyboard.press('j')
    await keyboard.press('Enter')
    await c.tabTo(dialog.getByRole('textbox'))
    await keyboard.press('Control+a')
    await keyboard.type('{"type":"track","event":"Found","userId":"bob"}')
    await keyboard.press('Control+Enter')
    await page.getByText('The repaired event was taken in').waitFor()
    assert.deepEqual((await server.get('/api/v1/dead-letters')).items, [])

    // Show an experience, and read what came of it.
    await go('w')
    await c.tabTo('New experience')
    await keyboard.press('Enter')
    await c.tabTo(dialog.getByLabel('Name', { exact: true }))
    await keyboard.type('Hello')
    await c.tabTo('In a place on a page')
    await keyboard.press('ArrowRight')
    await c.tabTo(dialog.getByLabel('Text of title'))
    await keyboard.type('Good day')
    await keyboard.press('Control+Enter')
    await page.getByRole('button', { name: 'Publish version 1' }).waitFor()
    await c.tabTo('Publish version 1')
    await keyboard.press('Enter')
    await page.getByRole('button', { name: 'Take off' }).waitFor()
    const asked = await fetch(`${server.url}/v1/decide`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ anonymousId: 'a-1', experiences: ['hello'] }),
    })
    assert.match(JSON.stringify(await asked.json()), /Good day/)
    await tab('Results')
    await page.getByRole('cell', { name: /version 1/ }).first().waitFor()
    c.unharmed()
  })
})
