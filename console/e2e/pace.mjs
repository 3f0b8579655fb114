// How fast the console is on an instance that runs: every screen and what is done
// most on them, or how many frames are dropped while events come in. `go run ./bench
// console` fills an instance and calls it; it prints JSON for it.
import { chromium } from 'playwright-core'
import { executable, flags } from '../../e2e/clients/lib/chromium.mjs'
import { Console } from './lib.mjs'

const { PACE_URL: url, PACE_KEY: key, PACE_PEOPLE: people = '1000', PACE_ROUNDS: rounds = '12', PACE_SECONDS: seconds = '10' } = process.env
const server = { url }

async function ask(path) {
  const res = await fetch(`${url}/api/v1${path}`, { headers: { Authorization: `Bearer ${key}` } })
  return res.ok ? res.json() : { items: [] }
}

// stopwatch stands in the page: it knows the last input, how long
// inputs took to be painted, and when all was there, which is once nothing was asked
// or changed on the screen for a while. Clocks and what looks again and again do not
// count.
function stopwatch() {
  const again = /\/(events\/live|accounting)(\?|$)/
  const real = window.fetch
  let asked = 0
  let begin = 0
  let last = 0
  let paint = 0
  const painted = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())))
  const touch = () => painted((now) => { last = Math.max(last, now) })
  window.fetch = async (...args) => {
    const counts = !again.test(String(args[0]?.url ?? args[0]).split('#')[0])
    asked += counts
    try {
      return await real(...args)
    } finally {
      if (counts) {
        asked--
        touch()
      }
    }
  }
  new MutationObserver((changes) => {
    if (changes.some((c) => !(c.target.nodeType === 3 ? c.target.parentElement : c.target)?.closest('header, nav, time'))) touch()
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['aria-busy', 'hidden'] })
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (e.interactionId) paint = Math.max(paint, e.duration)
  }).observe({ type: 'event', durationThreshold: 16 })
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, (e) => { begin = e.timeStamp }, true)
  window.pace = {
    set: (now) => { begin = now; last = now; paint = 0 },
    async quiet() {
      const busy = () => asked > 0 || document.querySelector('main [aria-busy="true"], main .mantine-Skeleton-root')
      const from = performance.now()
      for (let now = from; now - from < 20_000 && (last <= begin || now - Math.max(from, last) < 350); now = performance.now()) {
        await new Promise((then) => setTimeout(then, 20))
        if (busy()) last = performance.now()
      }
      return { there: Math.max(0, last - begin), paint }
    },
  }
}

async function enter(browser) {
  const c = await Console.at(browser, server)
  await c.page.evaluate(stopwatch)
  await c.signIn(key)
  await c.settled()
  return c
}

// visit follows an address and gives ms until all of it was there.
async function visit(page, path) {
  return page.evaluate(async (to) => {
    window.pace.set(performance.now())
    history.pushState({}, '', `/console${to}`)
    dispatchEvent(new PopStateEvent('popstate'))
    return (await window.pace.quiet()).there
  }, path)
}

// screens are the addresses of all, with what there is in the instance.
async function screens() {
  const lists = ['sources', 'broadcasts', 'destinations', 'experiences', 'offers', 'placements', 'experiments', 'segments', 'alerts']
  const out = ['/', '/people', '/people?q=given1', '/people?segment=bench-gold', '/live', '/dead-letters', '/identity', '/catalog', '/orders', '/imports', '/imports/new', '/decisions', '/privacy', '/retention', '/consent', '/backups', '/settings', '/health', '/audit', '/segments/new']
  for (const tab of ['', '?tab=attributes', '?tab=segments', '?tab=identity', '?tab=consent', '?tab=raw']) out.push(`/people/user_id:u-00000005${tab}`)
  for (const list of lists) {
    out.push(`/${list}`)
    const [first] = (await ask(`/${list}?limit=1`)).items
    if (first?.key) out.push(`/${list}/${first.key}`)
  }
  const [model] = (await ask('/decision-models?limit=1')).items
  if (model) out.push(`/decisions/${model.key}`)
  return out
}

const some = () => Math.floor(Math.random() * Number(people))
const buyer = () => 5 * Math.floor(some() / 5) // has an address and bought something
const padded = (n) => String(n).padStart(8, '0')

// interactions are what is done most: where, what comes before it, and the input
// that is measured.
const interactions = [
  ['open a person', `/people?segment=bench-gold`, async () => undefined, (page, n) => page.getByRole('row').nth(1 + (n % 8)).click()],
  ['type in the search for people', '/people', (page) => page.getByRole('main').locator('input[data-filter]').fill(''), async (page) => page.keyboard.type('mily'[0] + padded(some()).slice(-3))],
  ['type a name in the search for people', '/people', (page) => page.getByRole('main').locator('input[data-filter]').fill(''), async (page) => page.keyboard.type(`given${some() % 1000} fam`)],
  ['filter a timeline', () => `/people/user_id:u-${padded(buyer())}`, (page) => page.getByRole('main').getByRole('combobox').first().click(), (page) => page.getByRole('option', { name: 'track' }).click()],
  ['turn to a tab', () => `/people/user_id:u-${padded(some())}`, async () => undefined, (page) => page.getByRole('tab').nth(1).click()],
  ['change a condition', `/segments/new?condition=${encodeURIComponent('{"all":[{"trait":"city","op":"=","value":"Graz"},{"trait":"points","op":">","value":10}]}')}`, (page) => page.getByRole('textbox', { name: 'Value', exact: true }).or(page.getByRole('combobox', { name: 'Value', exact: true })).last().click(), (page) => page.keyboard.press(String(1 + (some() % 9)))],
  ['sort a table', '/segments', async () => undefined, (page) => page.getByRole('columnheader').getByRole('button').first().click()],
  ['open the palette', '/segments', async () => undefined, (page) => page.keyboard.press('Control+k')],
  ['find somebody in the palette', '/segments', async (page) => { await page.keyboard.press('Control+k'); await page.getByRole('dialog').getByRole('textbox').waitFor() }, (page) => page.keyboard.type(`person${padded(buyer())}`)],
]

async function goThrough(page) {
  const all = await screens()
  for (const path of all) await visit(page, path) // warm
  const seen = []
  for (const path of all) {
    const there = []
    for (let n = 0; n < Number(rounds); n++) {
      await visit(page, path === '/' ? '/settings' : '/')
      there.push(await visit(page, path))
    }
    seen.push({ name: path, there })
    process.stderr.write(`${path} ${there.map(Math.round).join(' ')}\n`)
  }
  return seen
}

async function interact(page) {
  const done = []
  for (const [name, path, before, act] of interactions) {
    const took = { name, paint: [], there: [] }
    for (let n = 0; n < Number(rounds) + 1; n++) {
      await visit(page, '/settings')
      await visit(page, typeof path === 'function' ? path() : path)
      await before(page)
      await page.evaluate(() => window.pace.quiet().then(() => window.pace.set(performance.now())))
      await act(page, n)
      const { paint, there } = await page.evaluate(() => window.pace.quiet())
      if (n > 0) { // the first loads what it needs
        took.paint.push(paint)
        took.there.push(there)
      }
      await page.keyboard.press('Escape')
    }
    done.push(took)
    process.stderr.write(`${name} ${took.paint.map(Math.round).join(' ')} | ${took.there.map(Math.round).join(' ')}\n`)
  }
  return done
}

// look counts the frames of the screen of live events.
async function look(page) {
  await visit(page, '/live')
  await page.getByRole('region', { name: 'Live events' }).waitFor()
  return page.evaluate(async (ms) => {
    const out = { frames: 0, dropped: 0, longest: 0, tasks: 0 }
    new PerformanceObserver((list) => { out.tasks += list.getEntries().length }).observe({ type: 'longtask' })
    await new Promise((done) => {
      const from = performance.now()
      let before = from
      const frame = (now) => {
        const gap = now - before
        before = now
        out.frames++
        out.longest = Math.max(out.longest, gap)
        if (gap > 34) out.dropped++
        if (now - from < ms) requestAnimationFrame(frame)
        else done()
      }
      requestAnimationFrame(frame)
    })
    out.shown = Number(document.querySelector('[data-shown]').dataset.shown)
    out.missed = Number(document.querySelector('[data-missed]')?.dataset.missed ?? 0)
    return out
  }, (Number(seconds) - 8) * 1000)
}

const browser = await chromium.launch({ executablePath: executable(), args: flags })
try {
  const { page } = await enter(browser)
  const report = process.argv[2] === 'live' ? { live: await look(page) } : { screens: await goThrough(page), interactions: await interact(page) }
  process.stdout.write(JSON.stringify(report))
} finally {
  await browser.close()
}
