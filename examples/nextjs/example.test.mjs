// The example, built and visited as its README says.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { secretKey, Server, writeKey } from '../../e2e/clients/lib/server.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const next = `${here}node_modules/next/dist/bin/next`

// start serves the built example and gives its address.
async function start(t, server) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', RAPPORT_URL: server.url, RAPPORT_WRITE_KEY: writeKey }
  const child = spawn(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], { cwd: here, env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  for await (const line of createInterface({ input: child.stdout })) {
    const m = line.match(/(http:\/\/(?:127\.0\.0\.1|localhost):\d+)/)
    if (m) return m[1]
  }
  throw new Error('the example did not start')
}

test('example nextjs: a page is personalised by the unmodified Content SDK', async (t) => {
  execFileSync(process.execPath, [next, 'build'], { cwd: here, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }, stdio: 'pipe' })
  const server = await Server.start(t)
  execFileSync(server.binary, ['example', 'recommended-product', '--url', server.url, '--secret-key', secretKey])
  const url = await start(t, server)
  let cookie = ''
  const show = async (path) => {
    const res = await fetch(url + path, { headers: { cookie, 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' } })
    assert.equal(res.status, 200)
    cookie = res.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ') || cookie
    const html = await res.text()
    await server.barrier()
    return html
  }
  assert.match(await show('/'), /<strong>A gift card<\/strong>/)
  const [, id] = cookie.match(/sc_cid=([^;]+)/)
  await show('/lamp')
  assert.match(await show('/'), /<strong>A warm bulb for any lamp<\/strong>/)
  const names = (await server.timeline('anonymous_id', id)).map((e) => e.name)
  for (const name of ['home', 'lamp', 'Product Viewed', 'Decision Made']) assert.ok(names.includes(name), `${name} of ${names}`)

  // Somebody else is treated by what they did themselves, an id that was not
  // made here by nothing, and a page without Rapport is the usual one.
  const first = cookie
  cookie = ''
  assert.match(await show('/'), /A gift card/)
  cookie = first.replace(/sc_cid=[^;]+/, 'sc_cid=11111111-1111-4111-8111-111111111111')
  assert.match(await show('/'), /A gift card/)
  await server.end('SIGTERM')
  const res = await fetch(`${url}/`, { headers: { cookie: first } })
  assert.match(await res.text(), /A gift card/)
})
