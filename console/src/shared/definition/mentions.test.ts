import { expect, it } from 'vitest'
import { mentions } from './mentions'

it('finds a key where such keys stand, however deep, and nowhere else', () => {
  const destination = (d: unknown): boolean => mentions(d, ['destination', 'destinations', 'send_to'], 'crm')
  expect(destination({ key: 'crm', name: 'crm', segment: 'crm' })).toBe(false)
  expect(destination({ type: 'triggered', destination: 'crm' })).toBe(true)
  expect(destination({ when: { lag: {} }, send_to: ['mail', 'crm'] })).toBe(true)
  expect(destination({ when: { destination_failing: { destinations: ['crm'] } }, send_to: ['mail'] })).toBe(true)
  expect(destination({ when: { destination_failing: {} }, send_to: ['crm-2'] })).toBe(false)
  const segment = (d: unknown): boolean => mentions(d, ['segment', 'segments'], 'gold')
  expect(segment({ all: [{ any: [{ segment: 'gold' }] }] })).toBe(true)
  expect(segment({ segments: [{ key: 'gold', on: ['left'] }] })).toBe(true)
  expect(segment({ segments: ['silver'], audience: { segment: 'silver' } })).toBe(false)
})
