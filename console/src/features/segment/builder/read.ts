import { fieldKinds, group, happening, isGroup, leafNode, measures } from './model'
import type { FieldKind, Filter, GroupNode, Happening, Json, Leaf, Measure, Node, Operator, Question, Scalar, Test, Unit, Window } from './model'

// Whatever these do not understand throws, and the leaf stays as it was written.
class Strange extends Error {}

/** read makes the tree of a condition; its root is always a group. */
export function read(condition: unknown): GroupNode {
  const node = readNode(condition)
  return isGroup(node) ? node : group('all', [node])
}

function readNode(c: unknown, negated = false): Node {
  if (object(c) && Object.keys(c).length === 1) {
    for (const [key, join, turned] of [['all', 'all', false], ['and', 'all', false], ['any', 'any', false], ['or', 'any', false], ['none', 'any', true]] as const) {
      const parts = c[key]
      if (Array.isArray(parts)) return group(join, parts.map((p) => readNode(p)), negated !== turned)
    }
    if ('not' in c) return Array.isArray(c.not) ? group('any', c.not.map((p) => readNode(p)), !negated) : readNode(c.not, !negated)
  }
  return leafNode(readLeaf(c), negated)
}

const object = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v)
const text = (v: unknown): string => {
  if (typeof v !== 'string') throw new Strange()
  return v
}
const scalar = (v: unknown): Scalar => {
  if (typeof v !== 'string' && typeof v !== 'number' && typeof v !== 'boolean') throw new Strange()
  return v
}

function only(c: Json, ...keys: string[]): void {
  if (Object.keys(c).some((k) => !keys.includes(k))) throw new Strange()
}

const aspects = ['device', 'os', 'browser', 'geo', 'location', 'campaign', 'app', 'referrer']

function readLeaf(c: unknown): Leaf {
  try {
    if (!object(c)) throw new Strange()
    return known(c)
  } catch (e) {
    if (!(e instanceof Strange)) throw e
    return { type: 'other', text: JSON.stringify(c, null, 2) }
  }
}

function known(c: Json): Leaf {
  if (c.always === true) return { type: 'always' }
  if ('segment' in c) {
    only(c, 'segment')
    return { type: 'segment', key: text(c.segment) }
  }
  if ('feel' in c) return { type: 'feel', text: text(c.feel) }
  if ('affinity' in c) return affinity(c)
  if ('sequence' in c || 'followed_by' in c || 'not_followed_by' in c) return sequence(c)
  const aspect = aspects.find((a) => a in c)
  if (aspect) return field('context', `${aspect === 'geo' ? 'location' : aspect}.${text(c[aspect])}`, c, aspect)
  for (const kind of fieldKinds) if (kind in c) return field(kind, text(c[kind]), c, kind)
  for (const name of ['first_seen', 'last_seen']) if (name in c) return { type: 'profile', name, test: nested(c[name]) }
  return question(c)
}

function field(kind: FieldKind, name: string, c: Json, own: string): Leaf {
  const { [own]: _, seen, ...rest } = c
  const bare = Object.keys(rest).length === 0
  const test: Test = bare && kind === 'consent' ? { op: '=', value: 'granted' } : readTest(rest)
  return { type: kind, name, test, ...(seen === 'first' ? { seen: 'first' } : {}) }
}

function affinity(c: Json): Leaf {
  only(c, 'affinity', 'value', 'top', 'share')
  const one = { type: 'affinity' as const, name: text(c.affinity), value: text(c.value) }
  if (typeof c.top === 'number' && c.share === undefined) return { ...one, how: 'top', n: c.top }
  if (c.share === undefined) return { ...one, how: 'any', n: undefined }
  const share = nested(c.share)
  if (c.top !== undefined || share.op !== '>=' || typeof share.value !== 'number') throw new Strange()
  return { ...one, how: 'share', n: share.value }
}

function sequence(c: Json): Leaf {
  const step = (s: unknown, ...more: string[]): Happening => {
    if (!object(s)) throw new Strange()
    only(s, 'event', 'page', 'screen', 'action', 'where', ...more)
    return match(s)
  }
  const within = c.within === undefined ? { n: undefined, unit: 'd' as Unit } : duration(c.within)
  const window = readWindow(c.window)
  if (Array.isArray(c.sequence)) {
    only(c, 'sequence', 'within', 'window')
    const last: unknown = c.sequence.at(-1)
    return { type: 'sequence', steps: c.sequence.map((s) => step(s, 'absent')), absent: object(last) && last.absent === true, within, window }
  }
  only(c, 'event', 'page', 'screen', 'action', 'where', 'followed_by', 'not_followed_by', 'within', 'window')
  return { type: 'sequence', steps: [match(c), step(c.followed_by ?? c.not_followed_by)], absent: 'not_followed_by' in c, within, window }
}

function question(c: Json): Question {
  only(c, 'event', 'page', 'screen', 'action', 'where', 'order', 'order_item', 'item', 'within', 'window', 'times', 'average', ...measures)
  const window = c.within === undefined ? readWindow(c.window) : readWindow(c.within)
  const type = 'order' in c ? 'order' : 'order_item' in c ? 'order_item' : 'item' in c ? 'item' : 'event'
  const named = ['event', 'page', 'screen', 'action'].some((k) => k in c)
  if (type === 'event' && !named) throw new Strange()
  const match_ = type === 'item' && !named ? { ...happening('action'), where: filters(c.where) } : match(c)
  return { type, match: match_, ...('item' in c ? { item: item(c.item) } : {}), measure: measure(c), window }
}

function item(v: unknown): { attribute: string; test: Test } {
  if (!object(v)) return { attribute: '', test: nested(v) }
  if ('id' in v) {
    only(v, 'id')
    return { attribute: '', test: nested(v.id) }
  }
  const { attribute, ...rest } = v
  return { attribute: text(attribute), test: readTest(rest) }
}

function match(c: Json): Happening {
  const keys = (['event', 'page', 'screen', 'action'] as const).filter((k) => k in c)
  if (keys.length > 1) throw new Strange()
  const what = keys[0] ?? 'event'
  return { what, name: keys[0] ? text(c[what]) : '', where: filters(c.where) }
}

function measure(c: Json): Measure {
  const found = [...measures, 'times', 'average'].filter((k) => k in c)
  if (found.length > 1) throw new Strange()
  const key = found[0]
  if (!key) return { fn: 'count', property: '', test: { op: '>=', value: 1 } }
  const fn = (key === 'times' ? 'count' : key === 'average' ? 'avg' : key) as Measure['fn']
  const v = c[key]
  if (!object(v)) return { fn, property: '', test: nested(v) }
  const { property, of, currency, ...rest } = v
  const bare = Object.keys(rest).length === 0
  const test: Test = bare ? (fn === 'count' ? { op: '>=', value: 1 } : { op: 'exists' }) : readTest(rest)
  return { fn, property: property === undefined ? (of === undefined ? '' : text(of)) : text(property), test, ...(currency === undefined ? {} : { currency: text(currency) }) }
}

function filters(where: unknown): Filter[] {
  if (where === undefined) return []
  if (Array.isArray(where)) return where.map(filter)
  if (!object(where)) throw new Strange()
  if (('property' in where || 'channel' in where || 'source' in where || 'context' in where) && ('op' in where || 'value' in where)) return [filter(where)]
  return Object.entries(where).map(([path, test]) => ({ field: 'property', path, test: nested(test) }))
}

function filter(v: unknown): Filter {
  if (!object(v)) throw new Strange()
  for (const key of ['channel', 'source'] as const) if (key in v) return { field: key, path: '', test: nested(v[key]) }
  const key = 'property' in v ? 'property' : 'context'
  const { [key]: path, ...rest } = v
  return { field: key, path: text(path), test: readTest(rest) }
}

/** duration reads a number with one unit. */
function duration(v: unknown): { n: number; unit: Unit } {
  const m = /^\s*(\d+)\s*([wdhms])\s*$/.exec(text(v))
  if (!m) throw new Strange()
  return { n: Number(m[1]), unit: m[2] as Unit }
}

const day = /^\d{4}-\d{2}-\d{2}$/

function readWindow(w: unknown): Window {
  if (w === undefined || w === 'ever') return { kind: 'ever' }
  if (typeof w === 'string') return { kind: 'last', ...duration(w) }
  if (!object(w)) throw new Strange()
  if ('last' in w) return { kind: 'last', ...duration(w.last) }
  for (const kind of ['this', 'previous'] as const) {
    if (!(kind in w)) continue
    only(w, kind, 'zone')
    return { kind, unit: text(w[kind]).replace(/s$/, '') as 'day', ...(w.zone === undefined ? {} : { zone: text(w.zone) }) }
  }
  only(w, 'from', 'to')
  const [from, to] = [w.from ?? '', w.to ?? ''].map(text) as [string, string]
  if ([from, to].some((d) => d !== '' && !day.test(d))) throw new Strange()
  return { kind: 'between', from, to }
}

/** nested reads a test that has an object to itself; a bare value is equality. */
function nested(v: unknown): Test {
  if (Array.isArray(v)) return { op: 'in', values: v.map(scalar) }
  return object(v) ? readTest(v) : { op: '=', value: scalar(v) }
}

const words: Record<string, Operator> = {
  '==': '=', eq: '=', equals: '=', is: '=', ne: '!=', '<>': '!=', 'is not': '!=', 'one of': 'in', 'none of': 'not in',
  lt: '<', before: '<', le: '<=', lte: '<=', gt: '>', after: '>', ge: '>=', gte: '>=', 'is set': 'exists', 'not exists': 'missing', 'is not set': 'missing',
}
const plain: Record<string, Operator> = { value: '=', in: 'in', values: 'in', not_in: 'not in', like: 'like', contains: 'contains', starts_with: 'starts with', ends_with: 'ends with', within: 'within', within_next: 'within next' }
const known_ = new Set<string>(['=', '!=', 'in', 'not in', 'contains', 'starts with', 'ends with', 'like', '<', '<=', '>', '>=', 'between', 'within', 'within next', 'exists', 'missing'])

/** readTest reads the members that say a test. */
function readTest(c: Json): Test {
  const keys = Object.keys(c)
  if (keys.length === 0) return { op: 'exists' }
  if ('op' in c) return byOperator(c)
  const [first] = keys
  if (keys.length === 1 && first === 'exists') return { op: c.exists === false ? 'missing' : 'exists' }
  if (keys.length === 1 && first !== undefined && plain[first]) return valued(plain[first], c[first])
  return range(c)
}

function byOperator(c: Json): Test {
  const word = text(c.op).trim().toLowerCase().replace(/[\s_]+/g, ' ')
  const op = (known_.has(word) ? word : words[word]) as Operator | undefined
  if (!op) throw new Strange()
  if (op === 'exists' || op === 'missing') return { op }
  if (op === 'between' && !('value' in c)) {
    const { op: _, ...rest } = c
    return range(rest)
  }
  only(c, 'op', 'value', 'values')
  const v = c.value ?? c.values
  if (op === 'between') {
    if (!Array.isArray(v)) throw new Strange()
    return { op, low: scalar(v[0]), high: scalar(v[1]) }
  }
  return valued(op, v)
}

function valued(op: Operator, v: unknown): Test {
  if (op === 'in' || op === 'not in') {
    if (!Array.isArray(v)) throw new Strange()
    return { op, values: v.map(scalar) }
  }
  return { op, value: scalar(v) }
}

function range(c: Json): Test {
  only(c, 'min', 'max', 'from', 'to', 'after', 'before')
  const [low, high] = [c.min ?? c.from, c.max ?? c.to]
  const keys = Object.keys(c).length
  if (keys === 1) {
    if (low !== undefined) return { op: '>=', value: scalar(low) }
    if (high !== undefined) return { op: '<=', value: scalar(high) }
    return c.after !== undefined ? { op: '>', value: scalar(c.after) } : { op: '<', value: scalar(c.before) }
  }
  if (keys !== 2 || low === undefined || high === undefined) throw new Strange()
  return { op: 'between', low: scalar(low), high: scalar(high) }
}
