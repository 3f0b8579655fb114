// Somebody signs in at an OpenID provider, by clicking through it. The provider is
// one of the test: discovery, keys, a page that asks, codes with PKCE, ID tokens.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { createServer as listener } from 'node:net'
import { test } from 'node:test'
import { Server } from '../../e2e/clients/lib/server.mjs'
import { Console, open } from './lib.mjs'

const client = { id: 'rapport', secret: 'a secret' }

// token signs claims as a JSON web token (RFC 7515).
function token(key, claims) {
  const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url')
  const text = `${part({ alg: 'ES256', kid: 'k1' })}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

// provider signs in whoever it is told, once they agree on its page.
async function provider(t, back) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const codes = new Map()
  const self = { who: { sub: 's-1', name: 'Ada Byron', email: 'ada@example.com', email_verified: true } }
  const answers = {
    '/.well-known/openid-configuration': () => ({
      issuer: self.url, authorization_endpoint: `${self.url}/authorize`, token_endpoint: `${self.url}/token`, jwks_uri: `${self.url}/keys`,
      response_types_supported: ['code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'], code_challenge_methods_supported: ['S256'],
    }),
    '/keys': () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }] }),
    '/token': (form, authorization) => {
      const grant = codes.get(form.get('code'))
      codes.delete(form.get('code'))
      assert.equal(authorization, `Basic ${btoa(`${client.id}:${encodeURIComponent(client.secret).replace('%20', '+')}`)}`)
      assert.equal(createHash('sha256').update(form.get('code_verifier')).digest('base64url'), grant.challenge)
      const now = Math.floor(Date.now() / 1000)
      return { access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token: token(privateKey, { iss: self.url, aud: client.id, iat: now, exp: now + 60, nonce: grant.nonce, ...self.who }) }
    },
  }
  const server = createServer(async (req, res) => {
    const { pathname, searchParams: query } = new URL(req.url, self.url)
    if (pathname === '/authorize') {
      assert.equal(query.get('redirect_uri'), back)
      const code = randomUUID()
      codes.set(code, { challenge: query.get('code_challenge'), nonce: query.get('nonce') })
      const to = (more) => `${back}?${new URLSearchParams({ state: query.get('state'), ...more })}`.replaceAll('&', '&amp;')
      res.setHeader('Content-Type', 'text/html').end(`<h1>May Rapport know who you are?</h1><a href="${to({ code })}">Yes</a> <a href="${to({ error: 'access_denied' })}">No</a>`)
      return
    }
    let body = ''
    for await (const chunk of req) body += chunk
    const answer = answers[pathname]
    res.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer?.(new URLSearchParams(body), req.headers.authorization) ?? {}))
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  t.after(() => { server.closeAllConnections(); server.close() })
  self.url = `http://127.0.0.1:${server.address().port}`
  return self
}

// free is a port that nobody has: the provider is told where to send people back
// before the server is there.
async function free() {
  const taken = listener()
  await new Promise((ready) => taken.listen(0, '127.0.0.1', ready))
  const { port } = taken.address()
  await new Promise((closed) => taken.close(closed))
  return port
}

test('somebody signs in at a provider', async (t) => {
  const address = `127.0.0.1:${await free()}`
  const at = await provider(t, `http://${address}/api/v1/session/openid/callback`)
  const server = await Server.start(t, () => ({
    RAPPORT_LISTEN: address, RAPPORT_HTTP_PUBLIC_URL: `http://${address}`, RAPPORT_EGRESS_ALLOW: '127.0.0.1',
    RAPPORT_OIDC_ISSUER: at.url, RAPPORT_OIDC_CLIENT_ID: client.id, RAPPORT_OIDC_CLIENT_SECRET: client.secret, RAPPORT_OIDC_NAME: 'Example Ltd',
    RAPPORT_OIDC_PROVISION: 'true', RAPPORT_OIDC_DOMAINS: 'example.com', RAPPORT_OIDC_DEFAULT_ROLE: 'analyst',
  }))
  const browser = await open(t)
  const c = await Console.at(browser, server, { path: '/segments?q=gold' })
  const { page } = c
  const way = page.getByRole('link', { name: 'Sign in with Example Ltd' })

  // Who says no is told so, and may try again.
  await way.click()
  await page.getByRole('link', { name: 'No' }).click()
  await way.waitFor()
  await page.getByRole('alert').waitFor()
  assert.deepEqual(await c.accessible('sign-in refused'), [])
  await c.shot('openid-refused-light')

  // Who says yes comes where they wanted to go, as the member they are now.
  await way.click()
  await page.getByRole('link', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Segments' }).waitFor()
  assert.match(page.url(), /\/console\/segments\?q=gold$/)
  const [ada] = (await server.get('/api/v1/members')).items
  assert.deepEqual([ada.name, ada.email, ada.roles, ada.openid], ['Ada Byron', 'ada@example.com', ['analyst'], true])
  await page.reload()
  await page.getByRole('heading', { name: 'Segments' }).waitFor()

  // Somebody of another house does not come in.
  at.who = { sub: 's-2', name: 'Eve', email: 'eve@elsewhere.example', email_verified: true }
  const d = await Console.at(browser, server)
  await d.page.getByRole('link', { name: 'Sign in with Example Ltd' }).click()
  await d.page.getByRole('link', { name: 'Yes' }).click()
  await d.page.getByRole('alert').waitFor()
  assert.equal((await server.get('/api/v1/members')).items.length, 1)
  c.unharmed()
  d.unharmed()
})
