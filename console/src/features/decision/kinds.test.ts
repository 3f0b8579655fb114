import { describe, expect, it } from 'vitest'
import { identifier, readLogic, writeLogic } from './kinds'
import type { Logic } from './kinds'

describe('logic', () => {
  const all: Logic[] = [
    { kind: 'template', text: 'Hello {first_name}, "you" have {Order count} orders\nand more' },
    { kind: 'template', text: '{city}' },
    { kind: 'script', source: 'return a > 3 ? "x)" : b // {', reads: ['a', 'b'] },
    { kind: 'prediction', model: 'churn@3', reads: { recency: 'days since order', orders: 'order_count' } },
    { kind: 'formula', text: 'if a = null then 1 else 2 + "x"' },
  ]
  it.each(all.map((l) => [l.kind, l] as const))('of a %s is read as it was written', (_, l) => {
    expect(readLogic(writeLogic(l))).toEqual(l)
  })
  it('does not take a sum with a formula in it for a template', () => {
    expect(readLogic('"a" + upper case(b)').kind).toBe('formula')
    expect(readLogic('"a" + (if b = null then "" else string(c))').kind).toBe('formula')
  })
  it('writes names as JavaScript can', () => {
    expect(identifier('Order count')).toBe('order_count')
    expect(identifier('orderCount')).toBe('orderCount')
    expect(identifier('2nd')).toBe('_2nd')
  })
})
