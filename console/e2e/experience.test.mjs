// Offers and experiences by clicking, and once more with the keyboard alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, writeKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('a marketer writes an offer and an experience, previews both and reads what came of it', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { first_name: 'Ada', email: 'ada@example.com' } })
  await server.put('/api/v1/placements/hero?status=live&wait=applied', { count: 1, public: true, fallback: { title: 'Welcome' } })
  const browser = await open(t)
  const findings = []
  const enter = async (scheme, locale) => {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/offers' })
    return [c, c.lookout(scheme, findings)]
  }
  const [c, look] = await enter('light', 'en-GB')
  const { page } = c
  await look('offers-none')
  await page.getByRole('button', { name: 'New offer' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Name', { exact: true }).fill('Free delivery')
  await form.getByLabel('Text of title').fill('Free delivery for {{ person.traits.first_name }}')
  await form.getByLabel('How many there are').fill('10')
  await look('offer-new')
  await form.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Publish version 1' }).click()
  await page.getByText('Version 1 is live').waitFor()
  await look('offer')
  await c.go('/offers/free-delivery?tab=preview&person=email:ada@example.com')
  await page.getByText('chosen').waitFor()
  await look('offer-preview')
  await c.go('/offers/free-delivery?tab=results')
  await page.getByRole('heading', { name: '10 of 10 left' }).waitFor()
  await look('offer-stock')

  await c.go('/experiences')
  await look('experiences-none')
  await page.getByRole('button', { name: 'New experience' }).click()
  await form.getByLabel('Name', { exact: true }).fill('Spring')
  await form.getByText('Asked for by an app').click()
  await form.getByLabel('Text of title').fill('Spring is here')
  await form.getByRole('button', { name: 'Add a variant' }).click()
  await form.getByLabel('Text of title').last().fill('Flowers for you')
  await form.getByRole('button', { name: 'Count orders' }).click()
  await look('experience-new')
  await form.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Publish version 1' }).click()
  await page.getByText('Version 1 is live').waitFor()
  await c.go('/experiences/spring?tab=results')
  await look('experience-results-none')
  const asked = await fetch(`${server.url}/v1/decide`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ anonymousId: 'a-1', experiences: ['spring'] }),
  })
  assert.match(JSON.stringify(await asked.json()), /Spring is here|Flowers for you/)
  await page.getByRole('cell', { name: /version 1/ }).first().waitFor()
  await look('experience-results')
  await c.go('/experiences/spring?tab=preview&person=email:ada@example.com')
  await page.getByRole('button', { name: 'Make a preview' }).first().click()
  await page.getByText('?rapport_preview=').waitFor()
  await page.getByText(/Spring is here|Flowers for you/).first().waitFor()
  await look('experience-preview')
  c.unharmed()

  const [d, lookDark] = await enter('dark', 'de-AT')
  await lookDark('offers')
  for (const [name, path] of [
    ['offer', '/offers/free-delivery'], ['offer-yaml', '/offers/free-delivery?tab=yaml'], ['offer-history', '/offers/free-delivery?tab=history'], ['offer-new', '/offers?new=true'],
    ['experiences', '/experiences'], ['experience', '/experiences/spring'], ['experience-preview', '/experiences/spring?tab=preview&person=email:ada@example.com'], ['experience-results', '/experiences/spring?tab=results'],
    ['experience-none', '/experiences/nothing'],
  ]) {
    await d.go(path)
    await lookDark(name)
    if (name === 'offer-new') await d.page.keyboard.press('Escape')
  }
  assert.deepEqual(findings, [])
  d.unharmed()
})

test('an offer is written and published with the keyboard alone', async (t) => {
  const server = await Server.start(t)
  const c = await Console.enter(await open(t), server, { path: '/offers' })
  const { page } = c
  const { keyboard } = page
  await page.getByRole('button', { name: 'New offer' }).waitFor()
  await c.tabTo('New offer')
  await keyboard.press('Enter')
  await page.getByLabel('Name', { exact: true }).waitFor()
  await c.tabTo('Name')
  await keyboard.type('Keys')
  await c.tabTo('Text of title')
  await keyboard.type('By keys')
  await keyboard.press('Control+Enter')
  await page.getByRole('button', { name: 'Publish version 1' }).waitFor()
  await c.tabTo('Publish version 1')
  await keyboard.press('Enter')
  await page.getByText('Version 1 is live').waitFor()
  assert.equal((await server.get('/api/v1/offers/keys')).live_version, 1)
  c.unharmed()
})
