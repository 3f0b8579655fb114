import type { Column, Mapping } from './queries'

export type Kind = Mapping['kind']

const person = ['user_id', 'anonymous_id', 'identifier:']
const item = ['id', 'type', 'attribute:', 'dimension:']

/** targets are the fields of the kinds, as internal/feed has them; one that ends with a colon takes a name. */
export const targets: Record<Kind, string[]> = {
  user: [...person, 'trait:', 'time'],
  catalog: item,
  product: item,
  category: item,
  promotion: item,
  transaction: ['order_id', ...person, 'time', 'currency', 'total', 'product_id', 'price', 'quantity', 'line:', 'property:'],
  segment: [...person, 'segment', 'member', 'time'],
  email: [...person, 'campaign_id', 'event', 'time', 'property:'],
  event: [...person, 'event', 'message_id', 'time', 'property:'],
  tracking: [],
  posthog: [],
}

/** whole tells whether the rows of a kind are whole events of another product: their members are known. */
export function whole(kind: Kind): boolean {
  return targets[kind].length === 0
}

export const kinds = Object.keys(targets) as Kind[]

export const types = ['', 'text', 'number', 'integer', 'boolean', 'time', 'date', 'list', 'json', 'any'] as const

/** partsOf takes a target apart: its field and, of a family, the name. */
export function partsOf(to: string): { field: string; name: string } {
  const at = to.indexOf(':')
  return at < 0 ? { field: to, name: '' } : { field: to.slice(0, at + 1), name: to.slice(at + 1) }
}

/** aim lets a column become something else, or nothing. */
export function aim(m: Mapping, column: string, to: string | undefined): Mapping {
  const others = m.columns.filter((c) => c.column !== column)
  if (!to) return { ...m, columns: others }
  const at = m.columns.findIndex((c) => c.column === column)
  const { type: _t, format: _f, transform: _x, ...plain }: Column = m.columns[at] ?? { column, to }
  const former = m.columns[at]
  // A number that becomes another attribute is still a number; an identifier is none.
  const now: Column = former && partsOf(former.to).field === partsOf(to).field ? { ...former, to } : { ...plain, to }
  return { ...m, columns: at < 0 ? [...others, now] : m.columns.map((c, i) => (i === at ? now : c)) }
}

/** turn lets the rows be about something else: what that kind does not have is left out. */
export function turn(m: Mapping, kind: Kind): Mapping {
  return { ...m, kind, columns: m.columns.filter((c) => targets[kind].includes(partsOf(c.to).field)) }
}
