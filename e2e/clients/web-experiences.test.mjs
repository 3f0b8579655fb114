// Experiments and web experiences by our own library, in Chromium.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from './lib/browser.mjs'
import { looks, record, turns } from './lib/pixels.mjs'
import { Server, secretKey } from './lib/server.mjs'
import { Site, show, until } from './lib/site.mjs'

// The strictest policy there is: own scripts, no inline code, no string becomes
// code or markup.
const strict = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
}
const loads = Number(process.env.RAPPORT_FLICKER_LOADS ?? 4)
const budget = 400

async function open(t, pages, headers, web) {
  const server = await Server.start(t)
  await server.put('/api/v1/sources/default', { name: 'Shop', kind: 'web', web: { budget_ms: 5000, ...web } })
  const site = await Site.open(t, server, pages, headers)
  await site.load(server)
  const browser = await launch(t)
  return { server, site, browser }
}

const post = (server, path, body) => fetch(server.url + path, {
  method: 'POST', headers: { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
})

// violations notes what the page's policy held up.
async function violations(context) {
  const list = []
  await context.exposeFunction('noteViolation', (v) => list.push(v))
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => window.noteViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`))
  })
  return list
}

const outcomes = async (server, id) => (await server.timeline('anonymous_id', id)).filter((e) => /^(Offer|Experience) /.test(e.name ?? '')).map((e) => `${e.name} ${e.properties.offer ?? e.properties.variant}`).sort()

test('web experiences: strict CSP and Trusted Types find nothing to hold up', async (t) => {
  const picture = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'
  const { server, site, browser } = await open(t, {
    '*': `
      <section data-rapport-slot="hero"><h2 data-rapport-text="title">Welcome</h2><a data-rapport-attr="href:url,title:title" data-rapport-text="label">Look</a></section>
      <ul data-rapport-slot="list"><template><li><b data-rapport-text="title"></b><img alt="" data-rapport-attr="src:image"></li></template><li>As ever</li></ul>
      <div data-rapport-slot="plain">As ever</div><div id="by-selector">As ever</div>
      <div data-rapport-slot="unknown">Nothing of ours</div><div data-rapport-slot="markup">As ever</div>`,
  }, strict, { slots: [{ placement: 'selected', selector: '#by-selector' }] })
  for (const key of ['hero', 'plain', 'selected']) await server.put(`/api/v1/placements/${key}`, { public: true })
  await server.put('/api/v1/placements/list', { public: true, count: 2 })
  await server.put('/api/v1/placements/markup', { public: true, content_type: 'html', fallback: { html: '<b onclick="x()">Markup</b>' } })
  const all = (content) => ({ '*': content })
  await server.put('/api/v1/offers/hero', { content: { hero: all({ title: '<img src=x onerror=alert(1)>', url: 'javascript:alert(1)', label: 'Go' }) } })
  await server.put('/api/v1/offers/one', { priority: 2, content: { list: all({ title: 'One', image: picture }) } })
  await server.put('/api/v1/offers/two', { priority: 1, content: { list: all({ title: 'Two', image: picture }) } })
  await server.put('/api/v1/offers/plain', { content: { plain: all({ title: 'Plain', text: 'of text', url: '/there' }) } })
  await server.put('/api/v1/offers/selected', { content: { selected: all({ text: 'Selected' }) } })
  const visitor = await browser.newContext()
  const list = await violations(visitor)
  const page = await show(visitor, site.url)
  await page.waitForSelector('[data-rapport-slot=hero][data-rapport-ready]')
  await page.waitForSelector('[data-rapport-slot=list][data-rapport-ready]')
  await page.waitForSelector('#by-selector[data-rapport-ready]')

  assert.equal(await page.textContent('h2'), '<img src=x onerror=alert(1)>', 'markup in content is text')
  assert.equal(await page.getAttribute('section a', 'href'), null, 'an address of a script is none')
  assert.equal(await page.textContent('section a'), 'Go')
  assert.deepEqual(await page.$$eval('li', (e) => e.map((x) => x.textContent)), ['One', 'Two'])
  assert.equal(await page.$$eval('li img', (e) => e.filter((x) => x.naturalWidth === 1).length), 2)
  assert.equal(await page.textContent('[data-rapport-slot=plain] a strong'), 'Plain')
  assert.equal(await page.textContent('#by-selector'), 'Selected')
  assert.equal(await page.textContent('[data-rapport-slot=unknown]'), 'Nothing of ours')
  assert.equal(await page.textContent('[data-rapport-slot=markup]'), 'As ever', 'without the plug-in no markup is taken')

  await page.click('text=Two')
  const id = await page.evaluate(() => window.rapport.flush().then(() => window.rapport.id))
  const want = ['Offer Clicked two', 'Offer Viewed hero', 'Offer Viewed one', 'Offer Viewed plain', 'Offer Viewed selected', 'Offer Viewed two']
  const got = await until(async () => {
    await page.evaluate(() => window.rapport.flush())
    await server.barrier()
    return outcomes(server, id)
  }, (o) => want.every((w) => o.includes(w)), 'outcomes')
  assert.equal(got.filter((o) => o === 'Offer Viewed one').length, 1, 'a view is told once')
  assert.deepEqual(list, [])
  assert.deepEqual(page.faults, [])
})

test('web experiences: markup and scripts run only where the site loads the plug-in', async (t) => {
  const nonce = 'bm9uY2U'
  const { server, site, browser } = await open(t, { '*': '<div data-rapport-slot="markup">As ever</div>' }, {
    'Content-Security-Policy': `default-src 'none'; script-src 'self' 'nonce-${nonce}'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types rapport`,
  })
  await server.put('/api/v1/placements/markup', { public: true, content_type: 'html' })
  const doc = { type: 'web', placement: 'markup', public: true, scripts: true, variants: [{ key: 'v', content: { '*': { html: '<b class="new">New</b>', css: '.new{color:rgb(1,2,3)}', js: 'document.title = "ran"' } } }] }
  await server.put('/api/v1/experiences/banner', doc)
  const { markup_url: url, markup_integrity: integrity } = site.snippet
  site.head += `<script nonce="${nonce}" src="${url}" integrity="${integrity}"></script>`
  const visitor = await browser.newContext()
  const list = await violations(visitor)
  const page = await show(visitor, site.url)
  await page.waitForSelector('b.new')
  assert.equal(await page.title(), 'ran')
  assert.equal(await page.$eval('b.new', (e) => getComputedStyle(e).color), 'rgb(1, 2, 3)')
  assert.deepEqual(list, [])
})

test('web experiences: an experiment, what is seen of a signed-in visitor, and a preview', async (t) => {
  const { server, site, browser } = await open(t, { '*': '<div data-rapport-slot="hero">As ever</div>' })
  await server.put('/api/v1/experiments/checkout', {
    name: 'One page', public: true, state: 'running', variants: [{ key: 'control', weight: 0 }, { key: 'treatment', value: { steps: 1 } }],
    metrics: [{ key: 'bought', event: 'Order Completed' }],
  })
  await server.put('/api/v1/placements/hero', { public: true, fallback: { text: 'Welcome' } })
  const page = await show(await browser.newContext(), site.url)
  const v = await page.evaluate(() => window.rapport.experiment('checkout'))
  assert.deepEqual([v.variant, v.value.steps, v.reason], ['treatment', 1, 'assigned'])
  assert.equal((await page.evaluate(() => window.rapport.experiment('nobody'))).variant, undefined)
  assert.equal(await page.textContent('[data-rapport-slot=hero]'), 'Welcome')

  await server.put('/api/v1/experiences/spring', { type: 'web', placement: 'hero', public: true, variants: [{ key: 'v', content: { '*': { text: 'Spring' } } }] })
  const res = await post(server, '/api/v1/experiences/spring/preview', { variant: 'v' })
  assert.ok(res.ok, await res.clone().text())
  const { token } = await res.json()
  const draft = await show(await browser.newContext(), `${site.url}/?rapport_preview=${encodeURIComponent(token)}`)
  await draft.waitForSelector('text=Spring')
})

test('web experiences: a form and a notification under the strictest policy, and their answers', async (t) => {
  const { server, site, browser } = await open(t, {
    '*': '<main><div data-rapport-slot="ask">As ever</div></main><div data-rapport-slot="note"></div><div data-rapport-slot="none">As ever</div>',
  }, strict)
  await server.put('/api/v1/placements/ask', { public: true, content_type: 'form' })
  await server.put('/api/v1/placements/note', { public: true, content_type: 'notification' })
  await server.put('/api/v1/placements/none', { public: true, content_type: 'form', fallback: { title: 'no fields' } })
  await server.put('/api/v1/experiences/survey', {
    type: 'web', placement: 'ask', public: true, valid_for: '0s', caps: [{ times: 1, of: 'accepted', period: '30d' }],
    variants: [{ key: 'v', content: { '*': {
      title: '<b>How was it?</b>', event: 'Feedback Given', submit: 'Send it', thanks: 'Heard.',
      fields: [
        { name: 'stars', label: 'Stars', type: 'rating', max: 3, required: true },
        { name: 'why', label: 'Why <i>?</i>', type: 'textarea' },
        { name: 'again', label: 'Again?', type: 'choice', options: [{ value: 'y', label: 'Yes' }, 'no'] },
        { name: 'mail', label: 'Mail', type: 'email' }, { name: 'call', label: 'Call me', type: 'checkbox' }, { name: 'age', label: 'Age', type: 'number' },
        { label: 'no name' }, 'no field',
      ],
    } } }],
  })
  await server.put('/api/v1/offers/sale', { content: { note: { '*': { title: 'Sale', text: 'Until <u>Sunday</u>', url: 'javascript:alert(1)', image: 'javascript:alert(1)', position: 'top-left' } } } })
  const { panels_url: url, panels_integrity: integrity } = site.snippet
  site.head += `<script src="${url}" integrity="${integrity}" crossorigin="anonymous"></script>`
  const visitor = await browser.newContext()
  const list = await violations(visitor)
  const page = await show(visitor, site.url)

  await page.waitForSelector('.rapport-notification')
  assert.equal(await page.textContent('.rapport-notification p'), 'Until <u>Sunday</u>', 'markup in content is text')
  assert.equal(await page.$$eval('.rapport-notification a, .rapport-notification img', (e) => e.length), 0, 'an address of a script is none')
  assert.deepEqual(await page.$eval('.rapport-notification', (e) => [getComputedStyle(e).position, getComputedStyle(e).top, e.getAttribute('role')]), ['fixed', '16px', 'status'])
  assert.equal(await page.textContent('[data-rapport-slot=none]'), 'As ever', 'a form without fields is none')
  assert.equal(await page.textContent('[data-rapport-slot=ask] strong'), '<b>How was it?</b>')
  assert.equal(await page.$$eval('.rapport-form input[type=radio]', (e) => e.length), 5)

  await page.click('.rapport-close')
  assert.ok(!(await page.isVisible('.rapport-notification')))
  await page.click('text=Send it')
  assert.ok(await page.isVisible('.rapport-form'), 'what is required must be given')
  await page.check('.rapport-form [value="2"]')
  await page.fill('.rapport-form textarea', 'It <shone>')
  await page.check('.rapport-form [value=y]')
  await page.check('.rapport-form [type=checkbox]')
  await page.fill('.rapport-form [type=number]', '41')
  await page.click('text=Send it')
  await page.waitForSelector('text=Heard.')

  const id = await page.evaluate(() => window.rapport.flush().then(() => window.rapport.id))
  const want = ['Experience Accepted v', 'Experience Viewed v', 'Offer Dismissed sale', 'Offer Viewed sale']
  const told = await until(async () => {
    await page.evaluate(() => window.rapport.flush())
    await server.barrier()
    return outcomes(server, id)
  }, (o) => want.every((w) => o.includes(w)), 'outcomes')
  assert.deepEqual(told.filter((o) => !o.startsWith('Experience Not')), want, 'each once, and filling in is no click')
  const feedback = (await server.timeline('anonymous_id', id)).filter((e) => e.name === 'Feedback Given')
  assert.equal(feedback.length, 1)
  const { answers, experience, variant, decision_id: decision } = feedback[0].properties
  assert.deepEqual(answers, { stars: 2, why: 'It <shone>', again: 'y', call: true, age: 41 })
  assert.deepEqual([experience, variant, typeof decision], ['survey', 'v', 'string'])
  const results = await until(() => server.get('/api/v1/experiences/survey/results'), (r) => r.variants?.[0]?.accepted === 1, 'the results')
  assert.equal(results.variants[0].people, 1)

  // Who answered is not asked again, others are, and without the plug-in nobody is.
  const asked = async (context) => {
    const again = await show(context, site.url)
    await again.waitForSelector('[data-rapport-slot=ask][data-rapport-ready]', { state: 'attached' })
    const [{ experience: by }] = await again.evaluate(() => window.rapport.decide({ placements: ['ask'] }).then((a) => a.decisions))
    return [by, await again.textContent('[data-rapport-slot=ask] strong, [data-rapport-slot=ask]:not(:has(strong))')]
  }
  assert.deepEqual(await asked(visitor), [undefined, 'As ever'])
  assert.deepEqual(await asked(await browser.newContext()), ['survey', '<b>How was it?</b>'])
  site.head = site.snippet.html
  assert.deepEqual(await asked(await browser.newContext()), ['survey', 'As ever'])
  assert.deepEqual(list, [])
  assert.deepEqual(page.faults, [])
})

test('web experiences: a control is counted as seen by what shows the others, and only there', async (t) => {
  const kinds = ['json', 'form', 'notification', 'html']
  const { server, site, browser } = await open(t, { '*': kinds.map((k) => `<div data-rapport-slot="${k}">As ever</div>`).join('') })
  for (const kind of kinds) {
    await server.put(`/api/v1/placements/${kind}`, { public: true, content_type: kind })
    await server.put(`/api/v1/experiences/${kind}`, {
      type: 'web', placement: kind, public: true,
      variants: [{ key: `none-${kind}`, control: true }, { key: `some-${kind}`, weight: 0, content: { '*': { title: 'New', text: 'New', html: 'New', fields: [{ name: 'why' }] } } }],
    })
  }
  const { panels_url: url, panels_integrity: integrity } = site.snippet
  site.head += `<script src="${url}" integrity="${integrity}" crossorigin="anonymous"></script>`
  const page = await show(await browser.newContext(), site.url)
  await page.waitForFunction((n) => document.querySelectorAll('[data-rapport-ready]').length === n, kinds.length)
  assert.deepEqual(await page.$$eval('[data-rapport-slot]', (e) => e.map((x) => x.textContent)), kinds.map(() => 'As ever'))
  const id = await page.evaluate(() => window.rapport.flush().then(() => window.rapport.id))
  const told = await until(async () => {
    await page.evaluate(() => window.rapport.flush())
    await server.barrier()
    return outcomes(server, id)
  }, (o) => o.length >= kinds.length, 'outcomes')
  assert.deepEqual(told, ['Experience Not Shown none-html', 'Experience Viewed none-form', 'Experience Viewed none-json', 'Experience Viewed none-notification'])
  assert.deepEqual(page.faults, [])
})

test(`web experiences: in ${loads} loads no place changes after the budget`, async (t) => {
  const { server, site, browser } = await open(t, {
    '*': '<h1>Lamps</h1><div data-rapport-slot="hero" style="width:300px;height:120px;background:#ddd">As ever</div>',
  }, {}, { budget_ms: budget })
  await server.put('/api/v1/placements/hero', { public: true, valid_for: '0s' })
  await server.put('/api/v1/offers/hero', { content: { hero: { '*': { title: 'Decided', text: 'for you' } } } })
  // From far before the budget to far after it.
  const far = 2 * budget
  let load = 0
  site.delay = (path) => (path === '/site/d' ? ((load * 7919) % 97) / 97 * far : 0)
  const shown = { decided: 0, ever: 0, paintedLate: 0 }
  // A machine that is too busy for the first of them gets more.
  const both = () => shown.decided > 0 && shown.ever > 0
  for (; load < loads || (load < loads + 20 && !both()); load++) {
    const visitor = await browser.newContext({ viewport: { width: 400, height: 300 } })
    const page = await visitor.newPage()
    const seen = await record(page, site.url, { budget, lasts: far + budget })
    const ever = (await page.textContent('[data-rapport-slot=hero]')) === 'As ever'
    shown[ever ? 'ever' : 'decided']++
    const pixels = await looks(page, seen)
    const what = `load ${load}, answered after ${site.delay('/site/d')} ms: ${JSON.stringify(pixels)}`
    assert.deepEqual(turns(seen.samples, budget), [], what)
    assert.ok(pixels.inSight, what)
    assert.deepEqual(pixels.changes, [], what)
    if (pixels.shown > budget) shown.paintedLate++
    // What came too late is told as that, and never as seen.
    const id = await page.evaluate(() => window.rapport.flush().then(() => window.rapport.id))
    const want = ever ? 'Offer Not Shown hero' : 'Offer Viewed hero'
    const told = await until(async () => {
      await page.evaluate(() => window.rapport.flush())
      await server.barrier()
      return outcomes(server, id)
    }, (o) => o.includes(want), `${what}, ${want}`)
    assert.deepEqual(told, [want], what)
    await visitor.close()
  }
  t.diagnostic(`${shown.decided} with the decision, ${shown.ever} with what stands on the page and a reason, 0 changes; ${shown.paintedLate} first frames of before the budget were through only after it`)
  assert.ok(both(), JSON.stringify(shown))
})
