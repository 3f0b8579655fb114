import { expect, it } from 'vitest'
import { refundOf } from './queries'

it('tells what came back in part from what came back whole', () => {
  expect(refundOf({ refunded: 0, net: 10 })).toBeUndefined()
  expect(refundOf({ refunded: 4, net: 6 })).toBe('partlyRefunded')
  expect(refundOf({ refunded: 10, net: 0 })).toBe('refunded')
})
