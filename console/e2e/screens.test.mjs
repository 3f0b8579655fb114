// Every screen, in both themes and both languages: no fault of accessibility,
// no word from the console, no violation of the content security policy.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

// A condition with every kind of form, and one that none knows.
const deep = {
  all: [
    { trait: 'city', op: 'in', value: ['London', 'Graz'] },
    { any: [{ event: 'Order Completed', where: [{ property: 'total', op: '>', value: 10 }], count: { min: 2 }, within: '30d' }, { none: [{ identifier: 'email', exists: true }, { consent: 'marketing' }] }] },
    { item: { attribute: 'category', value: 'Shoes' }, action: 'View Item' },
    { order: {}, sum: { currency: 'EUR', min: 20 } },
    { order_item: {}, item: 'sku-1' },
    { sequence: [{ page: 'Home' }, { event: 'Order Completed', absent: true }], within: '2d' },
    { context: 'device.type', value: 'mobile', seen: 'first' },
    { profile: 'last_seen', within: '7d' },
    { not: { segment: 'londoners' } },
    { affinity: 'category', value: 'Shoes', top: 3 },
    { feel: 'traits.age > 30' },
    { event: 'A', window: { calendar: 'day', periods: 7 } },
  ],
}

const screens = [
  ['home', '/'],
  ['sources', '/sources'],
  ['source-new', '/sources?new=true'],
  ['source', '/sources/default'],
  ['source-keys', '/sources/default?tab=keys'],
  ['source-events', '/sources/default?tab=events'],
  ['source-yaml', '/sources/default?tab=yaml'],
  ['source-history', '/sources/default?tab=history'],
  ['source-none', '/sources/nothing'],
  ['dead-letters', '/dead-letters'],
  ['dead-letter', '/dead-letters?letter='],
  ['people', '/people'],
  ['people-found', '/people?q=ada'],
  ['people-nobody', '/people?q=zzz'],
  ['profile', '/people/email:ada@example.com'],
  ['profile-attributes', '/people/email:ada@example.com?tab=attributes'],
  ['profile-segments', '/people/email:ada@example.com?tab=segments'],
  ['profile-identity', '/people/email:ada@example.com?tab=identity'],
  ['profile-consent', '/people/email:ada@example.com?tab=consent'],
  ['live', '/live'],
  ['profile-raw', '/people/email:ada@example.com?tab=raw'],
  ['profile-none', '/people/email:nobody@example.com'],
  ['segments', '/segments'],
  ['segments-nothing', '/segments?q=zzz'],
  ['segment-new', '/segments/new'],
  ['segment-new-deep', `/segments/new?condition=${encodeURIComponent(JSON.stringify(deep))}`],
  ['segment', '/segments/londoners'],
  ['segment-table', '/segments/londoners?table=true&span=month'],
  ['segment-members', '/segments/londoners?tab=members&who=email:ada@example.com'],
  ['segment-edit', '/segments/londoners?tab=edit'],
  ['segment-yaml', '/segments/londoners?tab=yaml'],
  ['segment-history', '/segments/londoners?tab=history'],
  ['segment-none', '/segments/nothing'],
  ['broadcasts', '/broadcasts'],
  ['broadcast-new', '/broadcasts?new=true'],
  ['broadcast', '/broadcasts/spring'],
  ['broadcast-preview', '/broadcasts/spring?who=email:ada@example.com'],
  ['broadcast-audience', '/broadcasts/spring?tab=audience'],
  ['broadcast-delivery', '/broadcasts/spring?tab=delivery'],
  ['broadcast-report', '/broadcasts/spring?tab=report'],
  ['broadcast-yaml', '/broadcasts/spring?tab=yaml'],
  ['broadcast-history', '/broadcasts/spring?tab=history'],
  ['broadcast-none', '/broadcasts/nothing'],
  ['no-page', '/nowhere'],
]

// What is on some of them, lest the screen before is looked at again.
const shown = {
  'people-found': (page) => page.getByRole('row').nth(1),
  'people-nobody': (page) => page.getByRole('main').getByText('zzz'),
  'segment-new-deep': (page) => page.locator('main [data-node]').nth(12),
}

async function story(server) {
  await send(
    server,
    { type: 'identify', userId: 'u-1', anonymousId: 'device-1', traits: { first_name: 'Ada', last_name: 'Byron', email: 'ada@example.com', city: 'London' } },
    { type: 'page', anonymousId: 'device-1', name: 'Home' },
    { type: 'track', userId: 'u-1', event: 'Order Completed', properties: { order_id: 'o-1', total: 31.5, currency: 'EUR' } },
    { type: 'nonsense', userId: 'u-1' },
  )
  await server.put('/api/v1/consent-policy', { purposes: [{ key: 'marketing', name: 'Offers', names: { de: 'Angebote' }, basis: 'consent' }] })
  await server.put('/api/v1/segments/londoners?wait=applied', { name: 'Londoners', description: 'Live in London', condition: { trait: 'city', value: 'London' } })
  await server.put('/api/v1/affinities/category', { dimension: 'category', half_life: '14d', weights: [{ when: { event: 'Order Completed' }, points: 1 }] })
  await server.put('/api/v1/destinations/mail', { type: 'email', broadcasts: true, settings: { host: '127.0.0.1', port: 1025, security: 'none', from: 'Shop <news@shop.example>', to: '{{ identifiers.email }}' }, consent: { purpose: 'marketing', channel: 'email' } })
  await server.put('/api/v1/broadcasts/spring', { name: 'Spring', segment: 'londoners', destination: 'mail', traits: ['first_name'], content: { subject: '{{ person.traits.first_name }}, spring is here', html: '<p>Look</p>', track_opens: true }, quiet_hours: { from: '21:00', to: '08:00', time_zone: 'Europe/Vienna' }, frequency: { most: 2, in: '168h' }, hold_out: 10 })
}

test('screens', async (t) => {
  const server = await Server.start(t, () => ({ RAPPORT_EGRESS_ALLOW: '127.0.0.1', RAPPORT_HTTP_PUBLIC_URL: 'http://127.0.0.1:8080' }))
  await story(server)
  const [letter] = (await server.get('/api/v1/dead-letters')).items
  const browser = await open(t)

  await t.test('the sign-in', async () => {
    for (const scheme of ['light', 'dark']) {
      const context = await browser.newContext({ colorScheme: scheme, locale: 'en-GB' })
      const c = Object.assign(new Console(), { page: await context.newPage(), server })
      await c.page.goto(`${server.url}/console/`)
      await c.page.getByRole('heading', { name: 'Sign in' }).waitFor()
      const findings = await c.accessible(`sign-in ${scheme}`)
      await c.shot(`sign-in-${scheme}`)
      await c.page.goto(`${server.url}/console/start#token`)
      await c.page.getByRole('heading', { name: 'Welcome' }).waitFor()
      findings.push(...(await c.accessible(`first start ${scheme}`)))
      await c.shot(`first-start-${scheme}`)
      assert.deepEqual(findings, [])
      await context.close()
    }
  })

  for (const [scheme, locale] of [['light', 'en-GB'], ['dark', 'de-AT']]) {
    await t.test(`${scheme}, ${locale}`, async () => {
      const c = await Console.enter(browser, server, { scheme, locale })
      const findings = []
      for (const [name, path] of screens) {
        await c.go(path === '/dead-letters?letter=' ? path + letter.id : path)
        await shown[name]?.(c.page).first().waitFor()
        if (name === 'dead-letter') await c.page.getByRole('dialog').getByRole('textbox').waitFor()
        findings.push(...(await c.accessible(`${name} ${scheme}`)))
        await c.shot(`${name}-${scheme}`)
        if (name === 'dead-letter' || name === 'source-new' || name === 'broadcast-new') await c.page.keyboard.press('Escape')
      }
      assert.deepEqual(findings, [])
      c.unharmed()
      assert.equal(await c.page.evaluate(() => document.documentElement.lang), locale.slice(0, 2))
    })
  }
})
