import { describe, expect, it } from 'vitest'
import { diffLines } from './lines'

const side = (text: string, other: string, kind: 'added' | 'removed'): string =>
  diffLines(text, other).filter((l) => l.kind === 'same' || l.kind === kind).map((l) => l.text).join('\n')

describe('diffLines', () => {
  it('tells equal texts apart from none', () => {
    expect(diffLines('a\nb', 'a\nb').every((l) => l.kind === 'same')).toBe(true)
  })
  it('finds the one line that changed', () => {
    expect(diffLines('a\nb\nc', 'a\nx\nc').map((l) => l.kind[0])).toEqual(['s', 'r', 'a', 's'])
  })
  it('gives back both texts, whatever they are', () => {
    let seed = 7
    const random = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    for (let round = 0; round < 300; round++) {
      const text = (): string => Array.from({ length: random(9) }, () => 'abc'[random(3)]).join('\n')
      const [a, b] = [text(), text()]
      expect(side(a, b, 'removed')).toBe(a)
      expect(side(a, b, 'added')).toBe(b)
    }
  })
})
