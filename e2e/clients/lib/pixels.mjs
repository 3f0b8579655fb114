// The pixels of a place over time, as Chromium's own tracing saw them.
import assert from 'node:assert/strict'

// What of two pictures may differ, of 255: they are compressed with losses.
const tolerance = 24

// record loads a page under tracing and gives the pictures of it, with the time
// since the place was first there, in milliseconds.
export async function record(page, url, lasts) {
  const cdp = await page.context().newCDPSession(page)
  const pictures = []
  cdp.on('Tracing.dataCollected', ({ value }) => pictures.push(...value))
  const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve))
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents', traceConfig: { recordMode: 'recordAsMuchAsPossible', includedCategories: ['disabled-by-default-devtools.screenshot', 'blink.user_timing'] },
  })
  // The budget begins when the place is in the document.
  await page.addInitScript(() => {
    new MutationObserver((_, o) => {
      if (!document.querySelector('[data-rapport-slot]')) return
      o.disconnect()
      performance.mark('place')
    }).observe(document, { childList: true, subtree: true })
  })
  await page.goto(url)
  await page.evaluate((ms) => new Promise((r) => setTimeout(r, ms)), lasts)
  await cdp.send('Tracing.end')
  await complete
  const mark = pictures.find((e) => e.name === 'place' && e.cat.includes('user_timing'))
  assert.ok(mark, 'the place is in the trace')
  const frames = pictures.filter((e) => e.name === 'Screenshot' && e.args?.snapshot).map((e) => ({ at: (e.ts - mark.ts) / 1000, jpeg: e.args.snapshot }))
  assert.ok(frames.length > 0, 'there are pictures')
  return frames.sort((a, b) => a.at - b.at)
}

// looks tells how a place looked over time. A place is hidden, the white of the
// page, and then shows something; changes are the times at which it looked like
// anything else than in the end, once it was in sight. shown is when it came into
// sight: the library's doing and the machine's, so it is told and not judged.
export async function looks(page, frames) {
  const box = await page.$eval('[data-rapport-slot]', (e) => {
    const { x, y, width, height } = e.getBoundingClientRect()
    return { x, y, width, height, page: innerWidth }
  })
  return page.evaluate(async ({ frames, box, tolerance }) => {
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
        if (out.shown !== undefined) out.changes.push(Math.round(f.at)) // out of sight again
        continue
      }
      out.shown ??= Math.round(f.at)
      if (differs(now, (i) => last[i])) out.changes.push(Math.round(f.at))
    }
    return out
  }, { frames, box, tolerance })
}
