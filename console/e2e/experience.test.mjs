// Offers and experiences by clicking, and once more with the keyboard alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, writeKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

test('a marketer makes places, writes an offer and an experience, previews both and reads what came of it', async (t) => {
  const server = await Server.start(t)
  await send(server, { type: 'identify', userId: 'u-1', traits: { first_name: 'Ada', email: 'ada@example.com' } })
  const browser = await open(t)
  const findings = []
  const enter = async (scheme, locale) => {
    const c = await Console.enter(browser, server, { scheme, locale, path: '/offers' })
    return [c, c.lookout(scheme, findings)]
  }
  const [c, look] = await enter('light', 'en-GB')
  const { page } = c
  const choose = async (label, option) => {
    await page.getByRole('combobox', { name: label, exact: true }).or(page.getByRole('textbox', { name: label, exact: true })).last().click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }
  const place = async (name, more = () => undefined) => {
    await page.getByRole('button', { name: 'New placement' }).click()
    await form.getByLabel('Name', { exact: true }).fill(name)
    await more()
    await form.getByRole('button', { name: 'Save draft' }).click()
    await page.getByRole('button', { name: 'Publish version 1' }).click()
    await page.getByRole('button', { name: 'Take off' }).waitFor()
  }
  await c.go('/placements')
  await look('placements-none')
  const form = page.getByRole('dialog')
  await place('Hero')
  await look('placement')
  await c.go('/placements')
  await place('Ask', async () => {
    await form.getByText('By a CSS selector').click()
    await form.getByLabel('CSS selector', { exact: true }).fill('#ask')
    await choose('Shows', 'a feedback form')
    await look('placement-new')
  })
  assert.deepEqual((await server.get('/api/v1/placements/ask')).document, { public: true, content_type: 'form', name: 'Ask', selector: '#ask' })

  await c.go('/offers')
  await look('offers-none')
  await page.getByRole('button', { name: 'New offer' }).click()
  await form.getByLabel('Name', { exact: true }).fill('Free delivery')
  await form.getByLabel('Text of title').fill('Free delivery for {{ person.traits.first_name }}')
  await form.getByLabel('How many there are').fill('10')
  await form.getByRole('button', { name: 'Add a limit' }).click()
  await choose('Within', 'each week (UTC)')
  await look('offer-new')
  await form.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Publish version 1' }).click()
  await page.getByRole('button', { name: 'Take off' }).waitFor()
  assert.deepEqual((await server.get('/api/v1/offers/free-delivery')).document.caps, [{ times: 1, each: 'week' }])
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
  await page.getByRole('button', { name: 'Take off' }).waitFor()
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

  // A feedback form, which asks once in 90 days.
  await c.go('/experiences?new=true')
  await form.getByLabel('Name', { exact: true }).fill('Survey')
  await form.getByRole('combobox', { name: 'Place' }).fill('ask')
  await form.getByRole('combobox', { name: 'Place' }).press('Escape')
  await form.getByRole('group', { name: 'Content of a' }).getByLabel('Title').fill('How was it?')
  await form.getByRole('button', { name: 'Add a question' }).click()
  await form.getByLabel('Question', { exact: true }).fill('Stars')
  await choose('Answer', 'a rating')
  await form.getByLabel('Must be answered').check()
  await choose('When the page shows it', 'after seconds')
  await form.getByRole('button', { name: 'Add a limit' }).click()
  await choose('Counted is', 'accepted')
  await choose('Within', '90 days')
  await look('experience-form')
  await form.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Publish version 1' }).click()
  await page.getByRole('button', { name: 'Take off' }).waitFor()
  const { caps, display, variants } = (await server.get('/api/v1/experiences/survey')).document
  assert.deepEqual([caps, display, variants[0].content['*']], [
    [{ times: 1, period: '90d', of: 'accepted' }], { on: 'delay', value: 20 },
    { title: 'How was it?', fields: [{ name: 'stars', label: 'Stars', type: 'rating', max: 5, required: true }] },
  ])
  await c.go('/placements')
  await page.getByRole('row', { name: /#ask a feedback form Survey/ }).waitFor()
  await c.go('/placements/ask')
  await page.getByRole('link', { name: 'Survey' }).waitFor()
  await c.go('/placements/hero?tab=preview&person=email:ada@example.com')
  await page.getByText('data-rapport-slot="hero"').waitFor()
  c.unharmed()

  const [d, lookDark] = await enter('dark', 'de-AT')
  await lookDark('offers')
  for (const [name, path] of [
    ['offer', '/offers/free-delivery'], ['offer-yaml', '/offers/free-delivery?tab=yaml'], ['offer-history', '/offers/free-delivery?tab=history'], ['offer-new', '/offers?new=true'],
    ['experiences', '/experiences'], ['experience', '/experiences/spring'], ['experience-preview', '/experiences/spring?tab=preview&person=email:ada@example.com'], ['experience-results', '/experiences/spring?tab=results'],
    ['experience-none', '/experiences/nothing'], ['experience-form', '/experiences/survey'],
    ['placements', '/placements'], ['placement', '/placements/ask'], ['placement-preview', '/placements/hero?tab=preview&person=email:ada@example.com'], ['placement-results', '/placements/hero?tab=results'], ['placement-none', '/placements/nothing'],
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
