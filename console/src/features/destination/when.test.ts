import { expect, it } from 'vitest'
import { at, whenOf } from './when'

it('tells when segments are told of, and leaves each its own', () => {
  const [both, entered, left] = [at('a', 'both'), at('b', 'entered'), at('c', 'left')]
  expect([both, entered, left]).toEqual([{ key: 'a' }, { key: 'b', on: ['entered'] }, { key: 'c', on: ['left'] }])
  expect(whenOf([], 'left')).toBe('left')
  expect(whenOf([both], 'left')).toBe('both')
  expect(whenOf([entered, at('d', 'entered')], 'both')).toBe('entered')
  expect(whenOf([{ key: 'a', on: ['left', 'entered'] }, both], 'left')).toBe('both')
  expect(whenOf([entered, left], 'both')).toBeUndefined()
})
