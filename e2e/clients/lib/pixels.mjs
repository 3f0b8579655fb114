// A place over time: by the frames of its page, and by the pixels that Chromium's
// own tracing saw.
import assert from 'node:assert/strict'

// What of two pictures may differ, of 255: they are compressed with losses.
const tolerance = 24

// record loads a page under tracing. It gives the pictures of it and what the
// place was at each frame, both with the time since the place was first there,
// in milliseconds: that of a picture is when it was taken, that of a frame is
// the page's own clock, at which the frame shows the page. settled is when the
// third frame after the budget began: pictures of before the budget are through
// by then, however busy the machine is.
export async function record(page, url, { budget, lasts }) {
  const cdp = await page.context().newCDPSession(page)
  const events = []
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve))
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents', traceConfig: { recordMode: 'recordAsMuchAsPossible', includedCategories: ['disabled-by-default-devtools.screenshot', 'blink.user_timing'] },
  })
  // The budget begins when the place is in the document.
  await page.addInitScript((budget) => {
    const samples = (window.samples = [])
    new MutationObserver((_, o) => {
      const place = document.querySelector('[data-rapport-slot]')
      if (!place) return
      o.disconnect()
      const from = performance.mark('place').startTime
      let after = 0
      const look = (frame) => {
        const at = frame - from
        samples.push({ at, seen: getComputedStyle(place).visibility === 'visible', text: place.textContent })
        if (at > budget && ++after === 3) performance.mark('settled')
        requestAnimationFrame(look)
      }
      requestAnimationFrame(look)
    }).observe(document, { childList: true, subtree: true })
  }, budget)
  await page.goto(url)
  await page.evaluate((ms) => new Promise((r) => setTimeout(r, ms)), lasts)
  await page.waitForFunction(() => performance.getEntriesByName('settled').length > 0)
  // One more picture at least after that.
  await page.evaluate((ms) => new Promise((r) => setTimeout(r, ms)), 100)
  const samples = await page.evaluate(() => window.samples)
  await cdp.send('Tracing.end')
  await complete
  const mark = (name) => events.find((e) => e.name === name && e.cat.includes('user_timing'))
  assert.ok(mark('place'), 'the place is in the trace')
  const since = (e) => (e.ts - mark('place').ts) / 1000
  const frames = events.filter((e) => e.name === 'Screenshot' && e.args?.snapshot).map((e) => ({ at: since(e), jpeg: e.args.snapshot }))
  assert.ok(frames.length > 0, 'there are pictures')
  return { frames: frames.sort((a, b) => a.at - b.at), samples, settled: since(mark('settled')) }
}

// looks tells how a place looked over time. A place is hidden, the white of the
// page, and then shows something. changes are the times at which it looked like
// anything else than in the end once it was in sight, or after the frames of the
// budget were through. shown is when it came into sight.
export async function looks(page, { frames, settled }) {
  const box = await page.$eval('[data-rapport-slot]', (e) => {
    const { x, y, width, height } = e.getBoundingClientRect()
    return { x, y, width, height, page: innerWidth }
  })
  return page.evaluate(async ({ frames, settled, box, tolerance }) => {
    const pixels = async ({ jpeg }) => {
      const bytes = Uint8Array.from(atob(jpeg), (c) => c.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }))
      const scale = bitmap.width / box.page
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
      const draw = canvas.getContext('2d')
      draw.drawImage(bitmap, 0, 0)
      return draw.getImageData(box.x * scale, box.y * scale, box.width * scale, box.height * scale).data
    }
    const differs = (now, from) => now.some((v, i) => Math.abs(v - from(i)) > tolerance)
    const last = await pixels(frames.at(-1))
    const out = { changes: [], shown: undefined, inSight: differs(last, () => 255) }
    for (const f of frames) {
      const now = await pixels(f)
      if (!differs(now, () => 255)) {
        // Out of sight again, or still.
        if (out.shown !== undefined || f.at > settled) out.changes.push(Math.round(f.at))
        continue
      }
      out.shown ??= Math.round(f.at)
      if (differs(now, (i) => last[i])) out.changes.push(Math.round(f.at))
    }
    return out
  }, { frames, settled, box, tolerance })
}

// turns are the times, by the page's own clock, at which a frame after the budget
// showed the place hidden or with another text than in the end, or a frame before
// it changed what was in sight already.
export function turns(samples, budget) {
  const last = samples.at(-1)
  let seen = false
  return samples.filter((s) => {
    seen ||= s.seen || s.at > budget
    return seen && !(s.seen && s.text === last.text)
  }).map((s) => s.at)
}
