import type { BuilderKey, BuilderText } from './messages'
import type { Operator } from './model'
import type { ValueType } from './suggest'

/** counts are the comparisons of how often something happened. */
export const counts = ['>=', '=', '<=', '>', '<', 'between'] as const

/** operatorText is what a comparison is called: a time is before, a count at least. */
export function operatorText(t: BuilderText, op: Operator, of: ValueType | 'count' | undefined): string {
  if (of === 'time' && (op === '<' || op === '>' || op === '<=' || op === '>=')) return t(`timeop_${op}`)
  if (of === 'count' && (op === '!=' || counts.some((c) => c === op))) return t(`countop_${op}` as BuilderKey)
  return t(`op_${op}`)
}
