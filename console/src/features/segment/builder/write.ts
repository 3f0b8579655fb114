import { isGroup } from './model'
import type { FieldLeaf, Filter, GroupNode, Happening, Json, Leaf, Measure, Node, Question, Scalar, Test, Window } from './model'

/** write gives the condition that the tree stands for: undefined where nothing of it is complete. */
export function write(node: Node): Json | undefined {
  const plain = isGroup(node) ? writeGroup(node) : writeLeaf(node.leaf)
  if (!plain) return undefined
  if (!node.negated) return plain
  return isGroup(node) && node.join === 'any' && 'any' in plain ? { none: plain.any } : { not: plain }
}

const complete = (nodes: Node[]): Json[] => nodes.map(write).filter((c): c is Json => c !== undefined)

function writeGroup(g: GroupNode): Json | undefined {
  const parts = complete(g.children)
  return parts.length === 0 ? undefined : { [g.join]: parts }
}

/** writeRoot leaves out the group that only holds one condition. */
export function writeRoot(root: GroupNode): Json | undefined {
  const parts = complete(root.children)
  return parts.length === 1 && !root.negated ? parts[0] : write(root)
}

/** unfinished counts the leaves that lack something, and groups that are empty. */
export function unfinished(node: Node): number {
  if (!isGroup(node)) return writeLeaf(node.leaf) ? 0 : 1
  return node.children.length === 0 ? 1 : node.children.reduce((n, c) => n + unfinished(c), 0)
}

export function writeLeaf(l: Leaf): Json | undefined {
  switch (l.type) {
    case 'segment':
      return l.key ? { segment: l.key } : undefined
    case 'feel':
      return l.text.trim() ? { feel: l.text } : undefined
    case 'always':
      return { always: true }
    case 'other':
      return parsed(l.text)
    case 'affinity':
      return affinity(l)
    case 'sequence':
      return sequence(l)
    case 'event':
    case 'item':
    case 'order':
    case 'order_item':
      return question(l)
    default:
      return field(l)
  }
}

function parsed(text: string): Json | undefined {
  try {
    const v: unknown = JSON.parse(text)
    return typeof v === 'object' && v !== null && !Array.isArray(v) && Object.keys(v).length > 0 ? (v as Json) : undefined
  } catch {
    return undefined
  }
}

function field(l: FieldLeaf): Json | undefined {
  const test = writeTest(l.test)
  const name = l.name.trim()
  if (!name || !test) return undefined
  return { [l.type]: name, ...test, ...(l.type === 'context' && l.seen ? { seen: l.seen } : {}) }
}

function affinity(l: Extract<Leaf, { type: 'affinity' }>): Json | undefined {
  if (!l.name || !l.value.trim() || (l.how !== 'any' && !l.n)) return undefined
  return { affinity: l.name, value: l.value, ...(l.how === 'top' ? { top: l.n } : {}), ...(l.how === 'share' ? { share: { min: l.n } } : {}) }
}

function sequence(l: Extract<Leaf, { type: 'sequence' }>): Json | undefined {
  const steps = l.steps.map((s) => (s.name.trim() ? happened(s) : undefined))
  const window = writeWindow(l.window)
  if (window === undefined || steps.some((s) => !s) || steps.length < 2) return undefined
  const within = l.within.n ? { within: `${l.within.n}${l.within.unit}` } : {}
  const last = steps.length - 1
  return { sequence: steps.map((s, i) => (l.absent && i === last ? { ...s, absent: true } : s)), ...within, ...(window ? { window } : {}) }
}

function happened(h: Happening): Json | undefined {
  const where = h.where.map(filter)
  if (where.some((f) => !f)) return undefined
  return { ...(h.name.trim() ? { [h.what]: h.name.trim() } : {}), ...(where.length ? { where } : {}) }
}

function filter(f: Filter): Json | undefined {
  const test = writeTest(f.test)
  if (!test) return undefined
  if (f.field === 'channel' || f.field === 'source') return { [f.field]: test }
  return f.path.trim() ? { [f.field]: f.path.trim(), ...test } : undefined
}

function question(q: Question): Json | undefined {
  const match = happened(q.match)
  const window = writeWindow(q.window)
  const measure = writeMeasure(q.measure)
  if (!match || window === undefined || !measure) return undefined
  if (q.type === 'event' && !q.match.name.trim()) return undefined
  const out: Json = q.type === 'order' || q.type === 'order_item' ? { [q.type]: {}, ...match } : match
  if (q.item) {
    const test = writeTest(q.item.test)
    if (!test) return undefined
    out.item = q.item.attribute ? { attribute: q.item.attribute, ...test } : { id: test }
  }
  return { ...out, ...measure, ...(window ? { window } : {}) }
}

function writeMeasure(m: Measure): Json | undefined {
  const test = writeTest(m.test)
  if (!test) return undefined
  if (m.fn === 'count') return m.test.op === '>=' && m.test.value === 1 ? {} : { count: test }
  const timed = m.fn === 'first' || m.fn === 'last'
  if (!m.property && !timed && !m.currency) return undefined
  return { [m.fn]: { ...(m.property ? { property: m.property } : {}), ...(m.currency ? { currency: m.currency } : {}), ...test } }
}

/** writeWindow gives null for ever, and undefined where something lacks. */
function writeWindow(w: Window): Json | null | undefined {
  switch (w.kind) {
    case 'ever':
      return null
    case 'last':
      return w.n ? { last: `${w.n}${w.unit}` } : undefined
    case 'between':
      return w.from || w.to ? { ...(w.from ? { from: w.from } : {}), ...(w.to ? { to: w.to } : {}) } : undefined
    default:
      return { [w.kind]: w.unit, ...(w.zone ? { zone: w.zone } : {}) }
  }
}

const there = (v: Scalar | undefined): v is Scalar => v !== undefined && v !== ''

/** writeTest gives the members that say a test. */
export function writeTest(t: Test): Json | undefined {
  switch (t.op) {
    case 'exists':
    case 'missing':
      return { exists: t.op === 'exists' }
    case 'in':
    case 'not in':
      return t.values?.length ? { op: t.op, value: t.values } : undefined
    case 'between':
      return there(t.low) && there(t.high) ? { op: 'between', from: t.low, to: t.high } : undefined
    default:
      return there(t.value) ? { op: t.op, value: t.value } : undefined
  }
}
