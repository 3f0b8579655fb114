// Debian's Chromium on the console of the real binary.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { executable, flags } from '../../e2e/clients/lib/chromium.mjs'
import { patience, secretKey, writeKey } from '../../e2e/clients/lib/server.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// open gives a browser that ends with the test.
export async function open(t) {
  const browser = await chromium.launch({ executablePath: executable(), args: flags })
  t.after(() => browser.close())
  return browser
}

export class Console {
  // enter opens the console and signs in with the secret key.
  static async enter(browser, server, options) {
    const c = await Console.at(browser, server, options)
    await c.signIn()
    return c
  }

  // at opens the console at a page, and signs nobody in.
  static async at(browser, server, { scheme = 'light', locale = 'en-GB', path = '/', ...options } = {}) {
    const c = new Console()
    c.server = server
    c.faults = []
    const context = await browser.newContext({ locale, colorScheme: scheme, timezoneId: 'Europe/Vienna', viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce', ...options })
    c.page = await context.newPage()
    c.page.setDefaultTimeout(patience)
    c.page.on('pageerror', (e) => c.faults.push(String(e)))
    c.page.on('dialog', (d) => { c.faults.push(`dialog: ${d.message()}`); void d.dismiss() })
    c.page.on('console', (m) => {
      // A refused sign-in is said on the page, and by the browser too.
      if (m.type() === 'error' && !/status of 40[134]/.test(m.text())) c.faults.push(m.text())
    })
    await c.page.goto(`${server.url}/console${path}`)
    return c
  }

  async signIn(key = secretKey) {
    await this.page.getByRole('button', { name: /secret key instead|geheimen Schlüssel/ }).click()
    await this.page.locator('input[name=key]').fill(key)
    await this.page.keyboard.press('Enter')
    await this.page.getByRole('navigation').first().waitFor()
  }

  // go follows an address without loading the page again: a key lives in memory.
  async go(path) {
    await this.page.evaluate((to) => {
      history.pushState({}, '', `/console${to}`)
      dispatchEvent(new PopStateEvent('popstate'))
    }, path)
    await this.settled()
  }

  // settled waits until a page stands still: it has a heading and nothing on it
  // is loading, for a while, since the former page stays until the next is there.
  async settled() {
    await this.page.evaluate(() => { window.stillSince = undefined })
    await this.page.waitForFunction(() => {
      const still = document.querySelector('main h1') && !document.querySelector('main [aria-busy="true"], main .mantine-Skeleton-root')
      if (!still) window.stillSince = undefined
      else window.stillSince ??= performance.now()
      return performance.now() - window.stillSince > 300
    })
  }

  // tabTo goes on with a key until a place has the focus: a locator, or the name of
  // what is there.
  async tabTo(place, key = 'Tab') {
    const there = typeof place === 'string'
      ? () => this.page.evaluate(() => {
        const e = document.activeElement
        return (e?.getAttribute('aria-label') || e?.labels?.[0]?.innerText || e?.innerText || '').trim().split('\n')[0]
      }).then((name) => name === place)
      : () => place.first().evaluate((e) => e === document.activeElement)
    if (typeof place !== 'string') await place.first().waitFor()
    for (let n = 0; n < 120; n++) {
      if (await there()) return
      await this.page.keyboard.press(key)
    }
    assert.fail(`${key} does not reach ${place}`)
  }

  // choose goes down an open menu to what is meant and takes it. A menu is seen before
  // it has the focus: a key pressed in between goes to what opened it.
  async choose(item) {
    await item.waitFor()
    await this.page.waitForFunction(() => document.activeElement?.closest('[role=menu]'))
    for (let n = 0; n < 40; n++) {
      if (await item.evaluate((e) => e === document.activeElement)) return this.page.keyboard.press('Enter')
      await this.page.keyboard.press('ArrowDown')
    }
    assert.fail(`ArrowDown does not reach ${item}`)
  }

  // accessible gives what axe finds.
  async accessible(where) {
    // Half a megabyte of axe is read once per page.
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(axe)
    const result = await this.page.evaluate(async () => {
      const found = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      return found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')} ${n.failureSummary.split('\n')[1]}`).join(' | ')}`)
    })
    return result.map((finding) => `${where}: ${finding}`)
  }

  // lookout gives what looks at the screen as it is now: what axe finds is added to
  // the findings, and a picture is kept under a name with the theme.
  lookout(scheme, findings) {
    return async (name) => {
      await this.settled()
      findings.push(...(await this.accessible(`${name} ${scheme}`)))
      await this.shot(`${name}-${scheme}`)
    }
  }

  // shot keeps a picture for those who look at screens; only where SHOTS is set.
  async shot(name) {
    if (!process.env.SHOTS) return
    const folder = process.env.SHOTS
    mkdirSync(folder, { recursive: true })
    await this.page.screenshot({ path: `${folder}/${name}.png` })
  }

  unharmed() {
    assert.deepEqual(this.faults, [])
  }
}

// send hands events in at the door and waits until they can be read.
export async function send(server, ...events) {
  const res = await fetch(`${server.url}/v1/batch?wait=applied`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ batch: events }),
  })
  assert.equal(res.status, 200, await res.text())
}

export const here = (path) => fileURLToPath(new URL(path, import.meta.url))
