// Debian's Chromium with a page of a shop, on an origin that is not the server's.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { executable, flags } from './chromium.mjs'

// bundle makes one script of a page and the client it loads, as a shop would.
async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../pages/${entry}`, import.meta.url))],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0].text
}

// launch gives a browser that ends when the test does.
export async function launch(t) {
  const browser = await chromium.launch({ executablePath: executable(), args: flags })
  t.after(() => browser.close())
  return browser
}

export class Shop {
  // open gives a browser and a site whose every page runs the script.
  static async open(t, entry) {
    const shop = new Shop()
    const script = await bundle(entry)
    shop.http = createServer((req, res) => {
      const isScript = new URL(req.url, 'http://shop').pathname === '/shop.js'
      res.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' })
      res.end(isScript ? script : '<!doctype html><title>Lamps & more</title><script src="/shop.js"></script>')
    })
    await new Promise((resolve) => shop.http.listen(0, '127.0.0.1', resolve))
    // Another host name than the server's: every call crosses origins.
    shop.url = `http://localhost:${shop.http.address().port}`
    shop.browser = await launch(t)
    t.after(() => {
      shop.http.closeAllConnections()
      shop.http.close()
    })
    return shop
  }

  // visitor is somebody with storage of his own.
  async visitor(options = {}) {
    return this.browser.newContext({ locale: 'de-AT', timezoneId: 'Europe/Vienna', viewport: { width: 1200, height: 800 }, ...options })
  }

  // show opens a page and gives what went wrong on it beside it.
  async show(context, path = '/') {
    const page = await context.newPage()
    page.faults = []
    page.on('pageerror', (e) => page.faults.push(String(e)))
    await page.goto(this.url + path)
    return page
  }
}
