import { describe, expect, it } from 'vitest'
import type { Document } from './queries'
import { bare, linesOf, saysTwice, tidy, twice } from './settings'

describe('bare', () => {
  const of = (d: Partial<Document>): boolean => bare({ type: 'email', ...d } as Document)
  it.each([
    [{}, false],
    [{ broadcasts: true }, true],
    [{ alerts: true }, true],
    [{ broadcasts: true, alerts: true, segments: [] }, true],
    [{ experiences: true }, false],
    [{ broadcasts: true, experiences: true }, false],
    [{ alerts: true, events: {} }, false],
    [{ alerts: true, profile: {} }, false],
    [{ broadcasts: true, audience: { segment: '' } }, false],
    [{ broadcasts: true, segments: [{ key: 'gold' }] }, false],
  ] as [Partial<Document>, boolean][])('says of %j: %s', (d, is) => expect(of(d)).toBe(is))
})

describe('the lines of an object', () => {
  it('lose none while one is renamed past another', () => {
    let value: unknown = { X: '1', XY: '2' }
    const rename = (i: number, to: string): void => { value = linesOf(value).map(([n, v], j) => (j === i ? [to, v] : [n, v])) }
    rename(0, 'XY')
    expect(twice(linesOf(value))).toBe('XY')
    expect(saysTwice({ auth: { headers: value } })).toBe(true)
    rename(0, 'XYZ')
    expect(twice(linesOf(value))).toBeUndefined()
    expect(saysTwice({ headers: value })).toBe(false)
    expect(tidy({ headers: value })).toEqual({ headers: { XYZ: '1', XY: '2' } })
  })
  it('say nothing while nothing is written', () => {
    const value = [['', ''], ['', ''], ['A', 'b']]
    expect(saysTwice({ headers: value })).toBe(false)
    expect(tidy({ headers: value, empty: [['', '']], list: ['a'], rows: [{ name: 'a', value: 'b' }] })).toEqual({ headers: { A: 'b' }, list: ['a'], rows: [{ name: 'a', value: 'b' }] })
  })
})
