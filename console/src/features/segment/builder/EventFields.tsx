import { ActionIcon, Button, Checkbox, Text } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useText } from '~/shared/i18n'
import { Amount, Day, Name, Pick, Span, TestInput } from './inputs'
import { builder } from './messages'
import { happening, measures } from './model'
import type { Filter, Happening, Leaf, Measure, Question, Window } from './model'
import css from './Builder.module.css'
import { useCatalog, useEvents } from './suggest'
import type { Known } from './suggest'

type Sequence = Extract<Leaf, { type: 'sequence' }>

const types = { event: 'track', page: 'page', screen: 'screen', action: '' } as const
const actions = ['View Item', 'Add To Cart', 'Remove From Cart', 'Purchase', 'Favorite', 'Comment', 'Share', 'Review', 'Quick View']

const orderFields = new Map<string, Known>([
  ['total', { type: 'number' }],
  ['currency', { type: 'text', values: ['EUR', 'USD', 'GBP', 'CHF'] }],
  ['status', { type: 'text' }],
])

function useFields(h: Happening, type: Question['type'] | 'sequence'): Map<string, Known> {
  const events = useEvents()
  return type === 'order' ? orderFields : events.fields(types[h.what], h.name)
}

/** Happened names an event, a page, a screen or an action. */
function Happened({ of: h, onChange, first }: { of: Happening; onChange: (h: Happening) => void; first?: boolean }) {
  const t = useText(builder)
  const events = useEvents()
  const known = h.what === 'action' ? actions : (events.names[types[h.what]] ?? [])
  return (
    <>
      <Pick label={t('what')} value={h.what} options={(['event', 'page', 'screen', 'action'] as const).map((v) => ({ value: v, label: t(`what_${v}`) }))} onChange={(what) => onChange({ ...h, what, name: '' })} />
      <Name wide autoFocus={first ?? false} label={t('eventName')} placeholder={t('eventHint')} value={h.name} known={known} onChange={(name) => onChange({ ...h, name })} />
    </>
  )
}

/** Wheres are the restrictions to certain events. */
function Wheres({ of: h, fields, onChange, fixed }: { of: Happening; fields: Map<string, Known>; onChange: (h: Happening) => void; fixed?: boolean }) {
  const t = useText(builder)
  const set = (i: number, f: Filter | undefined): void => onChange({ ...h, where: h.where.flatMap((was, at) => (at !== i ? [was] : f ? [f] : [])) })
  return (
    <>
      {h.where.map((f, i) => {
        const known = f.field === 'property' ? fields.get(f.path) : undefined
        const named = f.field === 'property' || f.field === 'context'
        return (
          <div key={i} className={css.where}>
            <Text span size="sm" c="dimmed">{t(i === 0 ? 'where' : 'and')}</Text>
            {!fixed && (
              <Pick label={t('whereKind')} value={f.field} options={(['property', 'context', 'channel', 'source'] as const).map((v) => ({ value: v, label: t(`where_${v}`) }))} onChange={(field) => set(i, { field, path: '', test: { op: '=' } })} />
            )}
            {named && <Name label={t('whereField')} value={f.path} known={[...fields.keys()]} onChange={(path) => set(i, { ...f, path })} />}
            <TestInput test={f.test} type={named ? known?.type : 'text'} values={known?.values} onChange={(test) => set(i, { ...f, test })} />
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('removeWhere')} onClick={() => set(i, undefined)}><IconX size={14} /></ActionIcon>
          </div>
        )
      })}
    </>
  )
}

function AddWhere({ of: h, onChange }: { of: Happening; onChange: (h: Happening) => void }) {
  const t = useText(builder)
  return (
    <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconPlus size={12} />} onClick={() => onChange({ ...h, where: [...h.where, { field: 'property', path: '', test: { op: '=' } }] })}>
      {t('addWhere')}
    </Button>
  )
}

/** When is the time that counts. */
function When({ value: w, onChange }: { value: Window; onChange: (w: Window) => void }) {
  const t = useText(builder)
  const turn = (kind: Window['kind']): void =>
    onChange(kind === 'ever' ? { kind } : kind === 'last' ? { kind, n: 30, unit: 'd' } : kind === 'between' ? { kind, from: '', to: '' } : { kind, unit: 'month' })
  return (
    <>
      <Pick label={t('window')} value={w.kind} options={(['ever', 'last', 'between', 'this', 'previous'] as const).map((v) => ({ value: v, label: t(`window_${v}`) }))} onChange={turn} />
      {w.kind === 'last' && <Span n={w.n} unit={w.unit} onChange={(n, unit) => onChange({ kind: 'last', n, unit })} />}
      {w.kind === 'between' && (
        <>
          <Day label={t('from')} value={w.from} onChange={(from) => onChange({ ...w, from })} />
          <Text span size="sm">{t('and')}</Text>
          <Day label={t('to')} value={w.to} onChange={(to) => onChange({ ...w, to })} />
        </>
      )}
      {(w.kind === 'this' || w.kind === 'previous') && (
        <Pick label={t('period')} value={w.unit} options={(['day', 'week', 'month', 'quarter', 'year'] as const).map((v) => ({ value: v, label: t(`period_${v}`) }))} onChange={(unit) => onChange({ ...w, unit })} />
      )}
    </>
  )
}

/** Measured says how often, or what the events come to. */
function Measured({ measure: m, fields, onChange, money }: { measure: Measure; fields: Map<string, Known>; onChange: (m: Measure) => void; money: boolean }) {
  const t = useText(builder)
  const numeric = m.fn !== 'first' && m.fn !== 'last' && m.fn !== 'most_frequent'
  const turn = (fn: Measure['fn']): void => {
    const number = fn !== 'first' && fn !== 'last' && fn !== 'most_frequent'
    onChange({ fn, property: fn === 'count' ? '' : m.property, ...(m.currency && fn !== 'count' ? { currency: m.currency } : {}), test: number ? (numeric ? m.test : { op: '>=', value: 1 }) : { op: fn === 'most_frequent' ? '=' : 'within', ...(fn === 'most_frequent' ? {} : { value: '30d' }) } })
  }
  const test = <TestInput test={m.test} count={m.fn === 'count'} type={numeric ? 'number' : m.fn === 'most_frequent' ? 'text' : m.property ? fields.get(m.property)?.type : 'time'} onChange={(next) => onChange({ ...m, test: next })} />
  const which = <Pick label={t('measure')} value={m.fn} options={measures.map((v) => ({ value: v, label: t(`measure_${v}`) }))} onChange={turn} />
  if (m.fn === 'count') return <>{test}{which}</>
  return (
    <>
      {which}
      {money && m.fn === 'sum' && !m.property ? (
        <Name label={t('currency')} value={m.currency ?? ''} known={['EUR', 'USD', 'GBP', 'CHF']} onChange={(currency) => onChange({ ...m, currency })} />
      ) : (
        <Name label={t('measureProperty')} placeholder={m.fn === 'first' || m.fn === 'last' ? t('theTime') : t('measureProperty')} value={m.property} known={[...fields.keys()]} onChange={(property) => onChange({ ...m, property })} />
      )}
      {test}
    </>
  )
}

const verbs = { event: ['did', 'didNot'], item: ['did', 'didNot'], order: ['ordered', 'notOrdered'], order_item: ['bought', 'notBought'] } as const

/** EventFields asks for events, items and orders. */
export function EventFields({ leaf: q, negated, onChange, onNegate }: { leaf: Question; negated: boolean; onChange: (q: Question) => void; onNegate: (to: boolean) => void }) {
  const t = useText(builder)
  const fields = useFields(q.match, q.type)
  const events = q.type === 'event' || q.type === 'item'
  return (
    <>
      <div className={css.line}>
        <Pick strong label={t('didOrNot')} value={negated ? 'not' : 'yes'} options={[{ value: 'yes', label: t(verbs[q.type][0]) }, { value: 'not', label: t(verbs[q.type][1]) }]} onChange={(v) => onNegate(v === 'not')} />
        {q.type === 'event' && <Happened first of={q.match} onChange={(match) => onChange({ ...q, match })} />}
        {q.type === 'item' && <Name autoFocus label={t('what_action')} placeholder={t('anyAction')} value={q.match.name} known={actions} onChange={(name) => onChange({ ...q, match: { ...q.match, name } })} />}
        {(q.type === 'item' || q.item) && <Item of={q} onChange={onChange} />}
        <Measured measure={q.measure} fields={fields} money={q.type === 'order'} onChange={(measure) => onChange({ ...q, measure })} />
        <When value={q.window} onChange={(window) => onChange({ ...q, window })} />
      </div>
      <Wheres of={q.match} fields={fields} fixed={q.type === 'order'} onChange={(match) => onChange({ ...q, match })} />
      <div className={css.adds}>
        <AddWhere of={q.match} onChange={(match) => onChange({ ...q, match })} />
        {!events && q.type === 'order_item' && !q.item && (
          <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconPlus size={12} />} onClick={() => onChange({ ...q, item: { attribute: '', test: { op: '=' } } })}>{t('kind_item')}</Button>
        )}
      </div>
    </>
  )
}

/** Item says which items of the catalog. */
function Item({ of: q, onChange }: { of: Question; onChange: (q: Question) => void }) {
  const t = useText(builder)
  const { ids, attributes } = useCatalog()
  const item = q.item ?? { attribute: '', test: { op: '=' as const } }
  const known = item.attribute ? attributes.get(item.attribute) : undefined
  const options = [{ value: '', label: t('itemId') }, ...[...new Set([...attributes.keys(), ...(item.attribute ? [item.attribute] : [])])].map((a) => ({ value: a, label: a }))]
  return (
    <>
      <Text span size="sm">{t('withItems')}</Text>
      <Pick label={t('itemAttribute')} value={item.attribute} options={options} onChange={(attribute) => onChange({ ...q, item: { attribute, test: { op: '=' } } })} />
      <TestInput test={item.test} type={item.attribute ? known?.type : 'text'} values={item.attribute ? known?.values : ids} onChange={(test) => onChange({ ...q, item: { ...item, test } })} />
    </>
  )
}

/** SequenceFields asks for one thing after another. */
export function SequenceFields({ leaf, negated, onChange, onNegate }: { leaf: Sequence; negated: boolean; onChange: (l: Sequence) => void; onNegate: (to: boolean) => void }) {
  const t = useText(builder)
  const set = (i: number, step: Happening | undefined): void => onChange({ ...leaf, steps: leaf.steps.flatMap((s, at) => (at !== i ? [s] : step ? [step] : [])) })
  const last = leaf.steps.length - 1
  return (
    <>
      {leaf.steps.map((step, i) => (
        <div key={i}>
          <div className={css.line}>
            {i === 0 && <Pick strong label={t('didOrNot')} value={negated ? 'not' : 'yes'} options={[{ value: 'yes', label: t('did') }, { value: 'not', label: t('didNot') }]} onChange={(v) => onNegate(v === 'not')} />}
            <Text span size="sm" fw={600} miw={64}>{t(i === 0 ? 'first' : leaf.absent && i === last ? 'thenNot' : 'then')}</Text>
            <Happened first={i === 0} of={step} onChange={(s) => set(i, s)} />
            <AddWhere of={step} onChange={(s) => set(i, s)} />
            {leaf.steps.length > 2 && <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('removeStep')} onClick={() => set(i, undefined)}><IconX size={14} /></ActionIcon>}
          </div>
          <StepWheres step={step} onChange={(s) => set(i, s)} />
        </div>
      ))}
      <div className={css.line}>
        <Text span size="sm">{t('withinLimit')}</Text>
        <Amount label={t('withinLimit')} placeholder="∞" value={leaf.within.n} min={1} onChange={(n) => onChange({ ...leaf, within: { ...leaf.within, n } })} />
        <Pick label={t('unit')} value={leaf.within.unit} options={(['d', 'h', 'm', 'w', 's'] as const).map((u) => ({ value: u, label: t(`unit_${u}`) }))} onChange={(unit) => onChange({ ...leaf, within: { ...leaf.within, unit } })} />
        <When value={leaf.window} onChange={(window) => onChange({ ...leaf, window })} />
      </div>
      <div className={css.adds}>
        {leaf.steps.length < 10 && !leaf.absent && (
          <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconPlus size={12} />} onClick={() => onChange({ ...leaf, steps: [...leaf.steps, happening()] })}>{t('addStep')}</Button>
        )}
        {leaf.steps.length === 2 && <Checkbox size="xs" label={t('absent')} checked={leaf.absent} onChange={(e) => onChange({ ...leaf, absent: e.currentTarget.checked })} />}
      </div>
    </>
  )
}

function StepWheres({ step, onChange }: { step: Happening; onChange: (h: Happening) => void }) {
  return <Wheres of={step} fields={useFields(step, 'sequence')} onChange={onChange} />
}
