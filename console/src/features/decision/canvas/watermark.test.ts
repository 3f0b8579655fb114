import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { addProjectLogo } from 'dmn-js-shared/lib/util/PoweredByUtil'
import { describe, expect, it } from 'vitest'

// The watermark of dmn-js has styles of its own, and its licence wants it left as
// it is: the content security policy names each of them by its hash.
describe('the watermark', () => {
  it('has only styles that the content security policy names', () => {
    addProjectLogo(document.body)
    document.querySelector<HTMLElement>('.bjs-powered-by')?.click()
    const styles = [...new Set([...document.querySelectorAll('[style]')].map((e) => e.getAttribute('style') ?? ''))]
    // The invisible picture of a dragged row.
    const drag = readFileSync('node_modules/dmn-js-decision-table/lib/features/drag-and-drop/DragAndDrop.js', 'utf8')
    styles.push(/<span style="([^"]+)"/.exec(drag)?.[1] ?? '')
    const hashes = styles.map((s) => `sha256-${createHash('sha256').update(s).digest('base64')}`)
    const named = readFileSync('console.go', 'utf8').match(/sha256-[A-Za-z0-9+/=]+/g) ?? []
    expect([...named].sort()).toEqual([...hashes].sort())
  })
})
