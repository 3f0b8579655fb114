import { expect, test } from 'vitest'
import { describe } from './describe'

test.each([
  [{ all: [{ trait: 'plan', value: 'gold' }, { not: { event: 'Order Completed', within: '30d' } }] }, 'plan is “gold” and did not do “Order Completed” in the last 30 days', 'plan ist „gold“ und hat nicht getan „Order Completed“ in den letzten 30 Tagen'],
  [{ any: [{ event: 'A', count: { min: 2 } }, { all: [{ segment: 'vip' }, { profile: 'last_seen', within: '7d' }] }] }, 'did “A” at least 2 times or (is in vip and Last seen in the last 7 days)', 'hat getan „A“ mindestens 2 Mal oder (ist in vip und Zuletzt gesehen in den letzten 7 Tagen)'],
  [{ none: [{ trait: 'age', min: 18 }, { consent: 'marketing' }] }, 'not (age is at least 18 or Consent marketing granted)', 'nicht (age ist mindestens 18 oder Einwilligung marketing erteilt)'],
])('a condition in words', (condition, english, german) => {
  expect(describe(condition, 'en')).toBe(english)
  expect(describe(condition, 'de')).toBe(german)
})
