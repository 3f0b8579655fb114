import { expect, test } from 'vitest'
import { codeOf } from './refused'

test('a link says a code and no sentence', () => {
  expect(codeOf('provider_away')).toBe('provider_away')
  expect(codeOf('Call 0190 123 at once')).toBe('')
  expect(codeOf('')).toBe('')
})
