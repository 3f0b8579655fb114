// The condition as the builder holds it: a tree of groups and leaves. What the
// forms do not know stays as it was written, and is edited as JSON.

export type Scalar = string | number | boolean
export type Json = Record<string, unknown>

export const operators = ['=', '!=', 'in', 'not in', 'contains', 'starts with', 'ends with', 'like', '<', '<=', '>', '>=', 'between', 'within', 'within next', 'exists', 'missing'] as const
export type Operator = (typeof operators)[number]

/** Test is one test of a value; what is not filled in yet is undefined. */
export interface Test {
  op: Operator
  value?: Scalar | undefined
  values?: Scalar[]
  low?: Scalar | undefined
  high?: Scalar | undefined
}

export interface Filter {
  field: 'property' | 'context' | 'channel' | 'source'
  path: string
  test: Test
}

export const measures = ['count', 'sum', 'avg', 'min', 'max', 'unique', 'first', 'last', 'most_frequent'] as const
export type MeasureName = (typeof measures)[number]

export interface Measure {
  fn: MeasureName
  property: string
  currency?: string
  test: Test
}

export type Period = 'day' | 'week' | 'month' | 'quarter' | 'year'
export type Unit = 's' | 'm' | 'h' | 'd' | 'w'

export type Window =
  | { kind: 'ever' }
  | { kind: 'last'; n: number | undefined; unit: Unit }
  | { kind: 'between'; from: string; to: string }
  | { kind: 'this' | 'previous'; unit: Period; zone?: string }

export interface Happening {
  what: 'event' | 'page' | 'screen' | 'action'
  name: string
  where: Filter[]
}

export interface Question {
  type: 'event' | 'item' | 'order' | 'order_item'
  match: Happening
  item?: { attribute: string; test: Test }
  measure: Measure
  window: Window
}

export const fieldKinds = ['trait', 'identifier', 'consent', 'context', 'profile', 'computed'] as const
export type FieldKind = (typeof fieldKinds)[number]

export interface FieldLeaf {
  type: FieldKind
  name: string
  test: Test
  /** of the context: not the latest but the first */
  seen?: 'first'
}

export type Leaf =
  | FieldLeaf
  | Question
  | { type: 'sequence'; steps: Happening[]; absent: boolean; within: { n: number | undefined; unit: Unit }; window: Window }
  | { type: 'segment'; key: string }
  | { type: 'affinity'; name: string; value: string; how: 'any' | 'top' | 'share'; n: number | undefined }
  | { type: 'feel'; text: string }
  | { type: 'always' }
  | { type: 'other'; text: string }

export type LeafType = Leaf['type']

export interface LeafNode {
  id: number
  negated: boolean
  leaf: Leaf
}

export interface GroupNode {
  id: number
  negated: boolean
  join: 'all' | 'any'
  children: Node[]
}

export type Node = LeafNode | GroupNode

let ids = 0
const nextId = (): number => ++ids

export const isGroup = (n: Node): n is GroupNode => 'children' in n

export const group = (join: 'all' | 'any', children: Node[] = [], negated = false): GroupNode => ({ id: nextId(), negated, join, children })
export const leafNode = (leaf: Leaf, negated = false): LeafNode => ({ id: nextId(), negated, leaf })

const any = (): Test => ({ op: '>=', value: 1 })
export const happening = (what: Happening['what'] = 'event'): Happening => ({ what, name: '', where: [] })
export const countOf = (): Measure => ({ fn: 'count', property: '', test: any() })

/** fresh is a leaf of a kind with nothing filled in. */
export function fresh(type: LeafType): Leaf {
  switch (type) {
    case 'event':
      return { type, match: happening(), measure: countOf(), window: { kind: 'ever' } }
    case 'item':
      return { type, match: happening('action'), item: { attribute: '', test: { op: '=' } }, measure: countOf(), window: { kind: 'ever' } }
    case 'order':
    case 'order_item':
      return { type, match: happening(), measure: countOf(), window: { kind: 'ever' } }
    case 'sequence':
      return { type, steps: [happening(), happening()], absent: false, within: { n: undefined, unit: 'd' }, window: { kind: 'ever' } }
    case 'segment':
      return { type, key: '' }
    case 'affinity':
      return { type, name: '', value: '', how: 'any', n: undefined }
    case 'feel':
      return { type, text: '' }
    case 'always':
      return { type }
    case 'other':
      return { type, text: '{}' }
    case 'consent':
      return { type, name: '', test: { op: '=', value: 'granted' } }
    case 'identifier':
      return { type, name: '', test: { op: 'exists' } }
    case 'profile':
      return { type, name: 'last_seen', test: { op: 'within', value: '30d' } }
    default:
      return { type, name: '', test: { op: '=' } }
  }
}

/** update gives the tree with one node changed, or without it. */
export function update(node: Node, id: number, change: (n: Node) => Node | undefined): Node | undefined {
  if (node.id === id) return change(node)
  if (!isGroup(node)) return node
  let touched = false
  const children = node.children.flatMap((c) => {
    const next = update(c, id, change)
    if (next !== c) touched = true
    return next ? [next] : []
  })
  return touched ? { ...node, children } : node
}

/** move changes a node's place among those beside it. */
export function move(root: Node, id: number, by: -1 | 1): Node {
  if (!isGroup(root)) return root
  const at = root.children.findIndex((c) => c.id === id)
  if (at < 0) return { ...root, children: root.children.map((c) => move(c, id, by)) }
  const to = at + by
  const [one, other] = [root.children[at], root.children[to]]
  if (!one || !other) return root
  return { ...root, children: root.children.map((c, i) => (i === at ? other : i === to ? one : c)) }
}

/** copy is the same with ids of its own. */
export function copy(n: Node): Node {
  return isGroup(n) ? { ...n, id: nextId(), children: n.children.map(copy) } : { ...n, id: nextId(), leaf: structuredClone(n.leaf) }
}

/** profileFieldNames are what events come to, most asked for first. */
export const profileFieldNames: readonly string[] = ['last_seen', 'first_seen', 'event_count', 'session_count', 'order_count', 'first_order_at', 'last_order_at', 'anonymous', 'channel', 'account']
