// Serves the example shop and hands /site/ on to Rapport, as a reverse proxy
// does: so the library, its cookie and all it sends are of the shop's own origin.
//
//   RAPPORT_SECRET_KEY=sk_… node examples/shop/serve.mjs
//
// RAPPORT_URL is where Rapport is, http://127.0.0.1:8080 unless given; PORT is
// where the shop will be, 8090 unless given.
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const rapport = process.env.RAPPORT_URL ?? 'http://127.0.0.1:8080'
const secret = process.env.RAPPORT_SECRET_KEY
const pages = fileURLToPath(new URL('pages/', import.meta.url))
const kinds = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' }
// Nothing inline, nothing of other hosts, no string becomes code or markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

if (!secret) {
  console.error('Set RAPPORT_SECRET_KEY to a secret key: the shop asks Rapport for its script tag.')
  process.exit(1)
}
const answer = await fetch(`${rapport}/api/v1/sources/${process.env.RAPPORT_SOURCE ?? 'default'}/web-snippet?base=/site/`, { headers: { Authorization: `Bearer ${secret}` } })
if (!answer.ok) {
  console.error(`Rapport gives no script tag: ${answer.status} ${await answer.text()}`)
  process.exit(1)
}
const snippet = (await answer.json()).html

function handOn(req, res) {
  const to = request(rapport + req.url, { method: req.method, headers: { ...req.headers, 'X-Forwarded-Host': req.headers.host } })
  to.on('response', (r) => {
    res.writeHead(r.statusCode, r.headers)
    r.pipe(res)
  })
  to.on('error', () => res.writeHead(502).end())
  req.pipe(to)
}

async function page(req, res) {
  const { pathname } = new URL(req.url, 'http://shop')
  const name = normalize(pathname === '/' ? '/index.html' : pathname)
  try {
    const file = await readFile(join(pages, name), 'utf8')
    res.writeHead(200, { 'Content-Type': kinds[extname(name)] ?? 'text/plain', 'Content-Security-Policy': policy })
    res.end(file.replace('<!-- rapport -->', snippet))
  } catch {
    res.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such page.')
  }
}

const server = createServer((req, res) => (req.url.startsWith('/site/') ? handOn : page)(req, res))
server.listen(Number(process.env.PORT ?? 8090), '127.0.0.1', () => console.log(`the shop is at http://localhost:${server.address().port}`))
