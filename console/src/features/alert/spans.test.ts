import { expect, it } from 'vitest'
import { millis, spanText } from './spans'

it('reads time spans', () => {
  expect(['168h', '90s', '1h'].map((s) => spanText('en', s))).toEqual(['7 days', '90 seconds', '1 hour'])
  expect(['0s', '90s', '1h30m', '250ms', '168h', 'soon'].map(millis)).toEqual([0, 90_000, 5_400_000, 250, 604_800_000, 0])
})
