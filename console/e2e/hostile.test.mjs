// What visitors can write into an event is shown on many screens: none of it may
// ever run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, secretKey } from '../../e2e/clients/lib/server.mjs'
import { Console, open, send } from './lib.mjs'

const corpus = [
  '<script>window.__ran=1</script>',
  '<img src=x onerror="window.__ran=1">',
  '<svg onload=window.__ran=1>',
  '"><iframe srcdoc="<script>parent.__ran=1</script>">',
  "' onmouseover='window.__ran=1",
  'javascript:window.__ran=1',
  '{{constructor.constructor("window.__ran=1")()}}',
  '${window.__ran=1}',
  '</title><script>window.__ran=1</script>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.__ran=1&gt;">',
  '<a href="data:text/html,<script>parent.__ran=1</script>" autofocus onfocus=window.__ran=1>x</a>',
  '<details open ontoggle=window.__ran=1>',
]

function events(text, i) {
  const everywhere = { [text]: text, name: text, url: text, nested: { [text]: [text] } }
  const who = { userId: `h-${i} ${text}`, anonymousId: `a-${i} ${text}` }
  const context = { channel: text, page: { url: text, title: text }, userAgent: text }
  return [
    { type: 'identify', ...who, traits: { ...everywhere, first_name: text, last_name: text, email: `h${i}@example.com` }, context },
    { type: 'track', ...who, event: text, properties: everywhere, context },
    { type: 'page', ...who, name: text, properties: everywhere, context },
    { type: text, ...who },
  ]
}

test('nothing that an event says is ever run', async (t) => {
  const server = await Server.start(t)
  const named = await fetch(`${server.url}/api/v1/sources/default`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: corpus.slice(0, 4).join(' '), kind: 'web' }),
  })
  assert.equal(named.status, 200, await named.text())
  const c = await Console.enter(await open(t), server, { path: '/live' })
  await c.settled()
  for (const [i, text] of corpus.entries()) await send(server, ...events(text, i))
  await c.page.locator('main button[data-row]').first().click()
  await c.page.locator('main aside').waitFor()
  const letters = (await server.get('/api/v1/dead-letters')).items
  assert.equal(letters.length, corpus.length)
  const screens = ['/', '/sources', '/sources/default?tab=events', '/sources/default?tab=yaml', '/people?q=h', '/dead-letters']
  for (const letter of letters.slice(0, 3)) screens.push(`/dead-letters?letter=${letter.id}`)
  for (const i of corpus.keys()) {
    const person = `/people/email:h${i}@example.com`
    screens.push(person, `${person}?tab=attributes`)
    if (i < 3) screens.push(`${person}?tab=identity`, `${person}?tab=raw`)
  }
  for (const path of screens) {
    await c.go(path)
    assert.equal(await c.page.evaluate(() => globalThis.__ran), undefined, path)
    assert.equal(await c.page.locator('main iframe, main script, main img[src="x"]').count(), 0, path)
  }
  c.unharmed()
})
