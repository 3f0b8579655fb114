import { describe, expect, it } from 'vitest'
import { readCsv, recordsOf } from './csv'

describe('readCsv', () => {
  it('reads what stands in quotes', () => {
    expect(readCsv('a,"b ""c"", d\ne",f\r\n1,,\n')).toEqual([['a', 'b "c", d\ne', 'f'], ['1', '', '']])
  })
  it('reads a last line without an end', () => {
    expect(readCsv('a\nb')).toEqual([['a'], ['b']])
    expect(readCsv('')).toEqual([])
  })
  it('gives rows by the names of the header', () => {
    expect(recordsOf('line,value\n2,x\n3\n')).toEqual([{ line: '2', value: 'x' }, { line: '3', value: '' }])
  })
  it('gives back what was written, whatever it is', () => {
    let seed = 11
    const random = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    for (let round = 0; round < 300; round++) {
      const rows = Array.from({ length: 1 + random(4) }, () => Array.from({ length: 2 }, () => Array.from({ length: random(5) }, () => 'a",\n'[random(4)]).join('')))
      const text = rows.map((r) => r.map((c) => `"${c.replaceAll('"', '""')}"`).join(',') + '\n').join('')
      expect(readCsv(text), `round ${round}`).toEqual(rows)
    }
  })
})
