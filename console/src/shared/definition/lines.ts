/** Line is one line of a comparison. */
export interface Line {
  kind: 'same' | 'added' | 'removed'
  text: string
  /** its number in the former and in the newer text, from 1 */
  before?: number
  after?: number
}

/** diffLines compares two texts line by line (longest common subsequence). */
export function diffLines(before: string, after: string): Line[] {
  const a = before.split('\n')
  const b = after.split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const middle = compare(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head)
  const out: Line[] = []
  for (let i = 0; i < head; i++) out.push({ kind: 'same', text: a[i] ?? '', before: i + 1, after: i + 1 })
  out.push(...middle)
  for (let i = tail; i > 0; i--) out.push({ kind: 'same', text: a[a.length - i] ?? '', before: a.length - i + 1, after: b.length - i + 1 })
  return out
}

// Beyond this many cells the middle is told as taken away and added as a whole.
const most = 4_000_000

function compare(a: string[], b: string[], offset: number): Line[] {
  const removed = (i: number): Line => ({ kind: 'removed', text: a[i] ?? '', before: offset + i + 1 })
  const added = (j: number): Line => ({ kind: 'added', text: b[j] ?? '', after: offset + j + 1 })
  if (a.length * b.length > most) return [...a.map((_, i) => removed(i)), ...b.map((_, j) => added(j))]
  const width = b.length + 1
  const length = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j] ? (length[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(length[(i + 1) * width + j] ?? 0, length[i * width + j + 1] ?? 0)
    }
  }
  const out: Line[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: 'same', text: a[i] ?? '', before: offset + i + 1, after: offset + j + 1 })
      i++
      j++
    } else if (i < a.length && (j === b.length || (length[(i + 1) * width + j] ?? 0) >= (length[i * width + j + 1] ?? 0))) out.push(removed(i++))
    else out.push(added(j++))
  }
  return out
}
