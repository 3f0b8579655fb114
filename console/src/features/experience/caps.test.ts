import { expect, it } from 'vitest'
import { spanOf, withSpan } from './Caps'

it('counts within a sliding time or one of the calendar, never both', () => {
  for (const to of ['24h', 'each week', '']) expect(spanOf(withSpan({ times: 2, period: '7d', each: 'day', of: 'clicked' }, to))).toBe(to)
  expect(withSpan({ times: 2, each: 'day', key: 'g' }, '1h')).toEqual({ times: 2, period: '1h', key: 'g' })
})
