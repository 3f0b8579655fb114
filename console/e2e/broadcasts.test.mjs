// Somebody writes to a segment: once by clicks alone, once by keys alone. A mail
// server of the test takes what is sent.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Server, secretKey } from '../../e2e/clients/lib/server.mjs'
import { until } from '../../e2e/clients/lib/site.mjs'
import { Console, open, send } from './lib.mjs'

// mailServer takes every mail and keeps it.
async function mailServer(t) {
  const mails = []
  const server = createServer((socket) => {
    let data
    let rest = ''
    socket.on('error', () => undefined)
    socket.write('220 test\r\n')
    socket.on('data', (chunk) => {
      rest += chunk
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        if (data !== undefined) {
          if (line !== '.') data += `${line}\n`
          else {
            mails.push(data)
            data = undefined
            socket.write('250 kept\r\n')
          }
        } else if (/^DATA/i.test(line)) {
          data = ''
          socket.write('354 go on\r\n')
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
        else socket.write('250 ok\r\n')
      }
    })
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  t.after(() => server.close())
  return { mails, port: server.address().port }
}

async function story(server, port) {
  await server.put('/api/v1/consent-policy', { purposes: [{ key: 'marketing', name: 'Offers', basis: 'consent' }] })
  await send(
    server,
    ...['Ada', 'Ben', 'Cleo'].map((name) => ({ type: 'identify', userId: name, traits: { first_name: name, email: `${name.toLowerCase()}@example.com`, plan: 'gold' } })),
  )
  for (const [name, status] of [['Ada', 'granted'], ['Ben', 'granted'], ['Cleo', 'denied']]) {
    const res = await fetch(`${server.url}/api/v1/profiles/user_id:${name}/consent?wait=applied`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ purposes: [{ purpose: 'marketing', channel: 'email', status }] }),
    })
    assert.ok(res.ok, await res.text())
  }
  await server.put('/api/v1/segments/gold?wait=applied', { name: 'Gold', condition: { trait: 'plan', value: 'gold' } })
  await server.put('/api/v1/destinations/mail', { type: 'email', broadcasts: true, settings: { host: '127.0.0.1', port, security: 'none', from: 'Shop <news@shop.example>', to: '{{ identifiers.email }}' }, consent: { purpose: 'marketing', channel: 'email' } })
}

test('broadcasts', async (t) => {
  const { mails, port } = await mailServer(t)
  const server = await Server.start(t, () => ({ RAPPORT_EGRESS_ALLOW: '127.0.0.1', RAPPORT_HTTP_PUBLIC_URL: 'http://127.0.0.1:8080' }))
  await story(server, port)
  const browser = await open(t)

  await t.test('by clicks', async () => {
    const c = await Console.enter(browser, server, { path: '/broadcasts' })
    const { page } = c
    await page.getByRole('heading', { name: 'No broadcast yet' }).waitFor()
    assert.deepEqual(await c.accessible('no broadcasts'), [])
    await page.getByRole('button', { name: 'New broadcast' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Spring')
    await dialog.getByLabel('To whom').click()
    await page.getByRole('option', { name: 'Gold' }).click()
    await dialog.getByRole('button', { name: 'Create the draft' }).click()
    await page.getByLabel('Subject', { exact: true }).fill('{{ person.traits.first_name }}, spring is here')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText(/^(Ada|Ben), spring is here$/).waitFor()
    await page.getByLabel('Person').fill('cleo@example.com')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByText('Does not get it: Refused to be written to').waitFor()
    await page.getByRole('tab', { name: 'Audience' }).click()
    await page.locator('[data-gets]').getByText('2', { exact: true }).waitFor()
    await page.getByRole('row', { name: /Refused to be written to 1 cleo@example.com/ }).waitFor()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await dialog.getByLabel('Send it to').fill('me@shop.example')
    await dialog.getByRole('button', { name: 'Send the test' }).click()
    await page.getByText('The test was sent to me@shop.example').waitFor()
    assert.match(mails.at(-1), /^To: .*me@shop.example/m)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await dialog.getByText('2 people get it at once').waitFor()
    assert.deepEqual(await c.accessible('sure to send'), [])
    await dialog.getByRole('button', { name: 'Send', exact: true }).click()
    await page.getByText('Sent', { exact: true }).first().waitFor()
    await page.getByRole('tab', { name: 'Report' }).click()
    await page.locator('[data-outcome=delivered]').getByText('2', { exact: true }).waitFor()
    assert.deepEqual(await c.accessible('report'), [])
    await c.shot('broadcast-sent-light')
    assert.deepEqual(mails.slice(1).map((m) => /^Subject: (.*)$/m.exec(m)?.[1]).sort(), ['Ada, spring is here', 'Ben, spring is here'])
    c.unharmed()
  })

  await t.test('by keys', async () => {
    const c = await Console.enter(browser, server)
    const { page } = c
    const { keyboard } = page
    await c.settled()
    await keyboard.press('g')
    await keyboard.press('b')
    await c.tabTo(page.getByRole('button', { name: 'New broadcast' }))
    await keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').waitFor()
    await c.tabTo(dialog.getByLabel('Name'))
    await keyboard.type('Later')
    await c.tabTo(dialog.getByLabel('To whom'))
    await keyboard.type('Gold')
    await keyboard.press('ArrowDown')
    await keyboard.press('Enter')
    await keyboard.press('Control+Enter')
    await page.getByRole('heading', { name: 'Later' }).waitFor()
    await c.tabTo(page.getByRole('tab', { name: 'Message' }))
    await keyboard.press('ArrowRight')
    await keyboard.press('ArrowRight')
    await c.tabTo(page.getByLabel('Begins at'))
    await keyboard.type('01022099')
    await keyboard.press('Tab')
    await keyboard.type('0830AM')
    await keyboard.press('Control+Enter')
    await page.getByRole('button', { name: 'Schedule' }).waitFor()
    await c.tabTo(page.getByRole('button', { name: 'Schedule' }))
    await keyboard.press('Enter')
    await c.tabTo(dialog.getByRole('button', { name: 'Schedule' }))
    await keyboard.press('Enter')
    await page.getByText('Scheduled', { exact: true }).waitFor()
    const { standing } = await server.get('/api/v1/broadcasts/later')
    assert.equal(standing.state, 'scheduled')
    assert.match(standing.begins, /^2099-/)
    await c.tabTo(page.getByRole('button', { name: 'Stop' }))
    await keyboard.press('Enter')
    await page.getByText('Draft', { exact: true }).waitFor()

    // Once its time is taken away, it goes at once.
    const before = mails.length
    await c.tabTo(page.getByLabel('Begins at'))
    await keyboard.press('Delete')
    await keyboard.press('Control+Enter')
    const sending = page.getByRole('button', { name: 'Send', exact: true })
    await c.tabTo(sending, 'Shift+Tab')
    await keyboard.press('Enter')
    await dialog.getByText('2 people get it at once').waitFor()
    await c.tabTo(dialog.getByRole('button', { name: 'Send', exact: true }))
    await keyboard.press('Enter')
    await page.getByText('Sent', { exact: true }).first().waitFor()
    assert.equal((await server.get('/api/v1/broadcasts/later')).standing.sent, 2)
    await until(() => mails.length, (n) => n === before + 2, 'two mails')
    c.unharmed()
  })
})
