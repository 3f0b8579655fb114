import { format } from '~/shared/i18n/format'
import type { Language } from '~/shared/i18n'
import { operatorText } from './operators'
import { builder } from './messages'
import type { BuilderKey, BuilderText } from './messages'
import { isGroup, profileFieldNames } from './model'
import type { Filter, Happening, Leaf, Node, Question, Scalar, Test, Unit, Window } from './model'
import { read } from './read'

// A condition in plain words, in the reader's language.

/** describe says a condition in one sentence. */
export function describe(condition: unknown, language: Language): string {
  const t: BuilderText = (key, values) => format(language, builder[language][key], values)
  return node(read(condition), t, true)
}

function node(n: Node, t: BuilderText, top = false): string {
  if (!isGroup(n)) return negated(leaf(n.leaf, t, n.negated), n.negated && !saysNot(n.leaf), t)
  const parts = n.children.map((c) => node(c, t))
  const joined = parts.join(n.join === 'all' ? ` ${t('and')} ` : ` ${t('or')} `)
  if (n.negated) return `${t('not')} (${joined})`
  return top || parts.length < 2 ? joined : `(${joined})`
}

const saysNot = (l: Leaf): boolean => ['event', 'item', 'order', 'order_item', 'sequence', 'segment'].includes(l.type)
const negated = (text: string, not: boolean, t: BuilderText): string => (not ? `${t('not')} (${text})` : text)
const quoted = (v: Scalar | undefined, t: BuilderText): string => (typeof v === 'boolean' ? t(v ? 'yes' : 'no') : typeof v === 'number' ? String(v) : /^\d{4}-\d{2}-\d{2}$/.test(v ?? '') ? String(v) : t('quoted', { text: v ?? '' }))

function span(text: string, t: BuilderText): string {
  const m = /^(\d+)([smhdw])$/.exec(text)
  return m ? `${m[1]} ${t(`unit_${m[2] as Unit}`)}` : text
}

function test(x: Test, t: BuilderText, of?: 'time' | 'count'): string {
  const word = operatorText(t, x.op, of)
  switch (x.op) {
    case 'exists':
    case 'missing':
      return word
    case 'in':
    case 'not in':
      return `${word} ${(x.values ?? []).map((v) => quoted(v, t)).join(', ')}`
    case 'between':
      return `${word} ${quoted(x.low, t)} ${t('and')} ${quoted(x.high, t)}`
    case 'within':
    case 'within next':
      return `${word} ${span(String(x.value), t)}`
    default:
      return `${word} ${quoted(x.value, t)}`
  }
}

function leaf(l: Leaf, t: BuilderText, not: boolean): string {
  switch (l.type) {
    case 'segment':
      return `${t(not ? 'isNotIn' : 'isIn')} ${l.key}`
    case 'feel':
      return l.text
    case 'other':
      return l.text.replace(/\s+/g, ' ')
    case 'always':
      return t('kind_always')
    case 'affinity':
      return `${l.name} ${t('op_=')} ${t('quoted', { text: l.value })} ${t(`how_${l.how}`)}${l.how === 'any' ? '' : ` ${l.n}${l.how === 'share' ? ' %' : ''}`}`
    case 'sequence':
      return sequence(l, t, not)
    case 'event':
    case 'item':
    case 'order':
    case 'order_item':
      return question(l, t, not)
    case 'consent':
      return `${t('kind_consent')} ${l.name} ${l.test.value === 'granted' || l.test.value === 'denied' ? t(`consent_${l.test.value}`) : test(l.test, t)}`
    case 'profile': {
      const name = profileFieldNames.includes(l.name) ? t(`field_${l.name}` as BuilderKey) : l.name
      return `${name} ${test(l.test, t, /_at$|_seen$/.test(l.name) ? 'time' : undefined)}`
    }
    default:
      return `${l.name} ${test(l.test, t)}${l.seen ? ` ${t('seen_first')}` : ''}`
  }
}

function where(filters: readonly Filter[], t: BuilderText): string {
  const one = (f: Filter): string => `${f.path || t(`where_${f.field}`)} ${test(f.test, t)}`
  return filters.length ? ` ${t('where')} ${filters.map(one).join(` ${t('and')} `)}` : ''
}

const happened = (h: Happening, t: BuilderText): string => `${h.what === 'event' || h.what === 'action' ? '' : `${t(`what_${h.what}`)} `}${h.name === '*' ? '*' : t('quoted', { text: h.name })}${where(h.where, t)}`

function when(w: Window, t: BuilderText): string {
  switch (w.kind) {
    case 'ever':
      return ''
    case 'last':
      return ` ${t('window_last')} ${w.n} ${t(`unit_${w.unit}`)}`
    case 'between':
      return ` ${t('window_between')} ${w.from || '…'} ${t('and')} ${w.to || '…'}`
    default:
      return ` ${t(`window_${w.kind}`)} ${t(`period_${w.unit}`)}`
  }
}

const verbs = { event: ['did', 'didNot'], item: ['did', 'didNot'], order: ['ordered', 'notOrdered'], order_item: ['bought', 'notBought'] } as const

function question(q: Question, t: BuilderText, not: boolean): string {
  const verb = t(verbs[q.type][not ? 1 : 0])
  const what = q.type === 'event' ? ` ${happened(q.match, t)}` : `${q.match.name ? ` ${t('quoted', { text: q.match.name })}` : ''}${where(q.match.where, t)}`
  const item = q.item ? ` ${t('withItems')} ${q.item.attribute || t('itemId')} ${test(q.item.test, t)}` : ''
  const m = q.measure
  const once = m.fn === 'count' && m.test.op === '>=' && m.test.value === 1
  const often = once ? '' : m.fn === 'count' ? ` ${test(m.test, t, 'count')} ${t('measure_count')}` : `, ${t(`measure_${m.fn}`)} ${m.property || m.currency || t('theTime')} ${test(m.test, t, m.fn === 'first' || m.fn === 'last' ? 'time' : undefined)}`
  return `${verb}${what}${item}${often}${when(q.window, t)}`
}

function sequence(l: Extract<Leaf, { type: 'sequence' }>, t: BuilderText, not: boolean): string {
  const steps = l.steps.map((s, i) => `${i === 0 ? '' : `${t(l.absent && i === l.steps.length - 1 ? 'thenNot' : 'then')} `}${happened(s, t)}`)
  const within = l.within.n ? ` ${t('withinLimit')} ${l.within.n} ${t(`unit_${l.within.unit}`)}` : ''
  return `${t(not ? 'didNot' : 'did')} ${steps.join(', ')}${within}${when(l.window, t)}`
}
