// A site of its own origin that hands /site/ on to the server, as a reverse
// proxy does, with the web library in the head of its pages.
import { createServer, request } from 'node:http'
import { patience } from './server.mjs'

export class Site {
  // open serves pages by path: what stands in their body. upstream is a server
  // or a road to one; headers go with every page.
  static async open(t, upstream, pages = {}, headers = {}) {
    const site = new Site()
    Object.assign(site, { upstream, pages, headers, head: '', delay: () => 0 })
    site.http = createServer((req, res) => site.answer(req, res))
    await new Promise((resolve) => site.http.listen(0, '127.0.0.1', resolve))
    site.port = site.http.address().port
    site.url = `http://localhost:${site.port}`
    t.after(() => {
      site.http.closeAllConnections()
      site.http.close()
    })
    return site
  }

  // load takes the snippet that the server prints for the default source.
  async load(server, source = 'default') {
    this.snippet = await server.get(`/api/v1/sources/${source}/web-snippet?base=/site/`)
    this.head = this.snippet.html
    return this.snippet
  }

  answer(req, res) {
    const { pathname } = new URL(req.url, 'http://site')
    if (pathname.startsWith('/site/')) {
      setTimeout(() => this.forward(req, res), this.delay(pathname))
      return
    }
    const body = this.pages[pathname] ?? this.pages['*'] ?? ''
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...this.headers })
    res.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lamps ${pathname}</title>${this.head}</head><body>${body}</body></html>`)
  }

  forward(req, res) {
    const to = request(this.upstream.url + req.url, { method: req.method, headers: req.headers })
    to.on('error', () => res.destroy())
    to.on('response', (answer) => {
      res.writeHead(answer.statusCode, answer.headers)
      answer.pipe(res)
    })
    req.pipe(to)
  }
}

// show opens a page and gives what went wrong on it beside it.
export async function show(context, url) {
  const page = await context.newPage()
  page.faults = []
  page.on('pageerror', (e) => page.faults.push(String(e)))
  page.on('console', (m) => m.type() === 'error' && !/status of|ERR_/.test(m.text()) && page.faults.push(m.text()))
  await page.goto(url)
  return page
}

// until asks again until an answer is right; the last one is the error's.
export async function until(ask, right, what) {
  let last
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((r) => setTimeout(r, 50))) {
    last = await ask()
    if (right(last)) return last
  }
  throw new Error(`${what}: ${JSON.stringify(last)}`)
}
