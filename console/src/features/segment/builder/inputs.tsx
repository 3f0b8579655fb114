import { Autocomplete, NativeSelect, NumberInput, TagsInput, TextInput } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { builder } from './messages'
import type { Operator, Scalar, Test, Unit } from './model'
import { counts, operatorText } from './operators'
import type { Choice, ValueType } from './suggest'

// The small fields of which a condition reads like a sentence.

/** Pick chooses one of a few. */
export function Pick<V extends string>(props: { label: string; value: V; options: readonly { value: V; label: string }[]; onChange: (v: V) => void; strong?: boolean }) {
  return (
    <NativeSelect
      size="xs"
      aria-label={props.label}
      value={props.value}
      data={props.options as { value: V; label: string }[]}
      onChange={(e) => props.onChange(e.currentTarget.value as V)}
      styles={{ input: { fontWeight: props.strong ? 600 : undefined, minWidth: 0, fieldSizing: 'content' } as React.CSSProperties }}
    />
  )
}

/** Name chooses a name that is known, or takes one that is not yet. */
export function Name(props: { label: string; value: string; known: readonly (string | Choice)[]; onChange: (v: string) => void; placeholder?: string; wide?: boolean; autoFocus?: boolean }) {
  const choices = props.known.map((k) => (typeof k === 'string' ? { value: k, label: k } : k))
  return (
    <Autocomplete
      size="xs"
      w={props.wide ? 220 : 168}
      aria-label={props.label}
      placeholder={props.placeholder ?? props.label}
      // A choice is shown by its label; what is written is its value.
      value={choices.find((c) => c.value === props.value)?.label ?? props.value}
      data={[...new Set(choices.map((c) => c.label))]}
      limit={60}
      error={props.value === '' ? true : undefined}
      withErrorStyles={false}
      data-autofocus={props.autoFocus || undefined}
      onChange={(v) => props.onChange(choices.find((c) => c.label === v)?.value ?? v)}
    />
  )
}

/** Amount is a whole or decimal number. */
export function Amount(props: { label: string; value: number | undefined; onChange: (v: number | undefined) => void; min?: number; max?: number; placeholder?: string; wide?: boolean }) {
  return (
    <NumberInput
      size="xs"
      w={props.wide ? 104 : 72}
      aria-label={props.label}
      placeholder={props.placeholder ?? '0'}
      value={props.value ?? ''}
      hideControls
      allowLeadingZeros={false}
      {...(props.min === undefined ? {} : { min: props.min })}
      {...(props.max === undefined ? {} : { max: props.max })}
      onChange={(v) => props.onChange(typeof v === 'number' ? v : v === '' || Number.isNaN(Number(v)) ? undefined : Number(v))}
    />
  )
}

/** Span is a number of units of time. */
export function Span(props: { n: number | undefined; unit: Unit; onChange: (n: number | undefined, unit: Unit) => void; placeholder?: string }) {
  const t = useText(builder)
  return (
    <>
      <Amount label={t('amount')} value={props.n} min={1} placeholder={props.placeholder ?? '30'} onChange={(n) => props.onChange(n, props.unit)} />
      <Pick label={t('unit')} value={props.unit} options={(['d', 'h', 'm', 'w', 's'] as const).map((u) => ({ value: u, label: t(`unit_${u}`) }))} onChange={(unit) => props.onChange(props.n, unit)} />
    </>
  )
}

/** Day is a day of the calendar. */
export function Day(props: { label: string; value: string; onChange: (v: string) => void }) {
  return <TextInput size="xs" type="date" aria-label={props.label} value={props.value.slice(0, 10)} onChange={(e) => props.onChange(e.currentTarget.value)} />
}

const offered: Record<ValueType, readonly Operator[]> = {
  text: ['=', '!=', 'in', 'not in', 'contains', 'starts with', 'ends with', 'like', 'exists', 'missing'],
  number: ['=', '!=', '>', '>=', '<', '<=', 'between', 'in', 'not in', 'exists', 'missing'],
  time: ['within', 'within next', '>', '<', 'between', 'exists', 'missing'],
  bool: ['=', 'exists', 'missing'],
}

/** typeOfTest tells what kind of value a test was written with. */
export function typeOfTest(t: Test): ValueType | undefined {
  const v = t.value ?? t.low ?? t.values?.[0]
  if (t.op === 'within' || t.op === 'within next') return 'time'
  if (typeof v === 'number') return 'number'
  if (typeof v === 'boolean') return 'bool'
  if (typeof v === 'string' && ['<', '<=', '>', '>=', 'between'].includes(t.op)) return 'time'
  return v === undefined || v === '' ? undefined : 'text'
}

/** retyped keeps what of a test fits another kind of value. */
export function retyped(type: ValueType): Test {
  return type === 'time' ? { op: 'within', value: '30d' } : type === 'bool' ? { op: '=', value: true } : type === 'number' ? { op: '>=' } : { op: '=' }
}

/** TestInput is a comparison with what it compares to. */
export function TestInput(props: {
  test: Test
  onChange: (t: Test) => void
  /** what the field is known to hold; undefined lets one choose */
  type?: ValueType | undefined
  values?: readonly Scalar[] | undefined
  /** how often something happened: at least twice */
  count?: boolean
}) {
  const t = useText(builder)
  const { test } = props
  const written = typeOfTest(test)
  const type = props.type ?? written ?? 'text'
  const ops = props.count ? counts : offered[type]
  const all = ops.includes(test.op) ? ops : [test.op, ...ops]
  const word = (op: Operator): string => operatorText(t, op, props.count ? 'count' : type)
  const turn = (op: Operator): void => {
    const single = test.value ?? test.values?.[0] ?? test.low
    const day = type === 'time' && (op === 'within' || op === 'within next')
    const was = test.op === 'within' || test.op === 'within next'
    if (op === 'exists' || op === 'missing') props.onChange({ op })
    else if (op === 'in' || op === 'not in') props.onChange({ op, values: test.values ?? (single === undefined || single === '' ? [] : [single]) })
    else if (op === 'between') props.onChange({ op, low: was ? undefined : single, high: test.high })
    else if (day) props.onChange({ op, value: was ? test.value : '30d' })
    else props.onChange({ op, value: was ? undefined : single })
  }
  return (
    <>
      {props.type === undefined && test.op !== 'exists' && test.op !== 'missing' && (
        <Pick label={t('typeOf')} value={type} options={(['text', 'number', 'time', 'bool'] as const).map((v) => ({ value: v, label: t(`type_${v}`) }))} onChange={(to) => props.onChange(retyped(to))} />
      )}
      <Pick label={t('operator')} value={test.op} options={all.map((op) => ({ value: op, label: word(op) }))} onChange={turn} />
      <Values test={test} type={type} values={props.values ?? []} onChange={props.onChange} />
    </>
  )
}

function Values({ test, type, values, onChange }: { test: Test; type: ValueType; values: readonly Scalar[]; onChange: (t: Test) => void }) {
  const t = useText(builder)
  switch (test.op) {
    case 'exists':
    case 'missing':
      return null
    case 'in':
    case 'not in':
      return (
        <TagsInput
          size="xs"
          miw={200}
          maw={420}
          aria-label={t('values')}
          placeholder={test.values?.length ? '' : t('valuesHint')}
          value={(test.values ?? []).map(String)}
          data={[...new Set(values.map(String))]}
          onChange={(v) => onChange({ op: test.op, values: type === 'number' ? v.map(Number).filter((n) => !Number.isNaN(n)) : v })}
        />
      )
    case 'between':
      return (
        <>
          <One label={t('from')} type={type} value={test.low} values={[]} onChange={(low) => onChange({ ...test, low })} />
          <span>{t('upto')}</span>
          <One label={t('to')} type={type} value={test.high} values={[]} onChange={(high) => onChange({ ...test, high })} />
        </>
      )
    case 'within':
    case 'within next': {
      const m = /^(\d+)([smhdw])$/.exec(String(test.value ?? ''))
      return <Span n={m ? Number(m[1]) : undefined} unit={(m?.[2] ?? 'd') as Unit} onChange={(n, unit) => onChange({ op: test.op, value: n ? `${n}${unit}` : undefined })} />
    }
    default:
      return <One label={t('value')} type={type} value={test.value} values={values} onChange={(value) => onChange({ op: test.op, value })} />
  }
}

function One({ label, type, value, values, onChange }: { label: string; type: ValueType; value: Scalar | undefined; values: readonly Scalar[]; onChange: (v: Scalar | undefined) => void }) {
  const t = useText(builder)
  if (type === 'number') return <Amount wide label={label} value={typeof value === 'number' ? value : undefined} onChange={onChange} />
  if (type === 'time') return <Day label={label} value={String(value ?? '')} onChange={(v) => onChange(v || undefined)} />
  if (type === 'bool')
    return <Pick label={label} value={value === false ? 'false' : 'true'} options={[{ value: 'true', label: t('yes') }, { value: 'false', label: t('no') }]} onChange={(v) => onChange(v === 'true')} />
  return <Name label={label} placeholder={label} value={String(value ?? '')} known={[...new Set(values.map(String))]} onChange={(v) => onChange(v === '' ? undefined : v)} />
}
