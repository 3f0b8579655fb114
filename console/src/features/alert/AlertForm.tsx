import { Alert as Note, Button, Group, MultiSelect, NumberInput, Select, SimpleGrid, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { destinationName, destinationsQuery } from '~/features/destination/queries'
import { sourcesQuery } from '~/features/source/queries'
import { slug } from '~/shared/definition/key'
import { useLocale, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { alert } from './messages'
import { kindOf, kinds } from './queries'
import type { Alert, Kind, When } from './queries'
import { spanText } from './spans'

type Part = Record<string, unknown>
const text = (v: unknown): string => (typeof v === 'string' ? v : '')
const keys = (v: unknown): string[] => (Array.isArray(v) ? (v as string[]) : [])

/** AlertForm says what somebody is told of, when, and by which destinations. */
export function AlertForm(props: { document: Alert; saving: boolean; error: Error | null; label: string; save: (to: Alert) => void }) {
  const t = useText(alert)
  const destinations = useQuery(destinationsQuery).data?.items
  const form = useForm<Alert>({
    initialValues: props.document,
    validate: { name: (v) => (slug(v) ? null : t('nameWrong')), send_to: (v) => (v.length > 0 ? null : t('sendToWrong')) },
  })
  const submit = form.onSubmit((v) => props.save({ ...v, name: v.name.trim() }))
  const v = form.values
  const kind = kindOf(v.when)
  const takers = (destinations ?? []).filter((d) => d.alerts === true)
  const sendTo = [...takers.map((d) => ({ value: d.key, label: destinationName(d) })), ...v.send_to.filter((k) => !takers.some((d) => d.key === k)).map((k) => ({ value: k, label: k }))]
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg">
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} {...form.getInputProps('name')} />
        <Select label={t('about')} allowDeselect={false} data={kinds.map((k) => ({ value: k, label: t(`kind_${k}`) }))} value={kind} onChange={(to) => form.setFieldValue('when', { [to as Kind]: {} } as When)} comboboxProps={{ shadow: 'md' }} />
        <Details key={kind} kind={kind} part={(v.when[kind] ?? {}) as Part} change={(to) => form.setFieldValue('when', { [kind]: to } as When)} />
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          <Span label={t('lasts')} hint={t('lastsHint')} value={v.for} without="1m" choices={['0s', '1m', '5m', '15m', '1h']} change={(to) => form.setFieldValue('for', to)} />
          <Span label={t('repeat')} hint={t('repeatHint')} value={v.repeat} without="" choices={['', '1h', '4h', '24h', '168h']} change={(to) => form.setFieldValue('repeat', to)} />
        </SimpleGrid>
        <MultiSelect label={t('sendTo')} description={t('sendToHint')} data={sendTo} {...form.getInputProps('send_to')} searchable clearable comboboxProps={{ shadow: 'md' }} />
        {destinations && takers.length === 0 && <Note color="yellow">{t('noTakers')} <Link to="/destinations" search={{}}>{t('toDestinations')}</Link></Note>}
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end"><May area="process"><Button type="submit" loading={props.saving}>{props.label}</Button></May></Group>
      </Stack>
    </form>
  )
}

interface Of { kind: Kind; part: Part; change: (to: Part) => void }

/** put sets a member, or takes it away where the server's own value is meant. */
function put(part: Part, name: string, to: unknown): Part {
  const { [name]: _, ...rest } = part
  return to === undefined || to === '' || (Array.isArray(to) && to.length === 0) ? rest : { ...part, [name]: to }
}

function Details({ kind, part, change }: Of) {
  const t = useText(alert)
  const span = (name: string, label: string, without: string, choices: string[]) => <Span label={label} value={text(part[name])} without={without} choices={choices} change={(to) => change(put(part, name, to))} />
  switch (kind) {
    case 'source_silent':
      return <SimpleGrid cols={{ base: 1, sm: 2 }}><Which of="sources" part={part} change={change} />{span('after', t('silentFor'), '1h', ['15m', '1h', '6h', '24h', '72h'])}</SimpleGrid>
    case 'volume_anomaly':
      return <Volume part={part} change={change} />
    case 'destination_failing':
      return <Which of="destinations" part={part} change={change} />
    case 'dead_letters':
      return <SimpleGrid cols={{ base: 1, sm: 2 }}><Count name="rise" label={t('rise')} without={100} part={part} change={change} />{span('within', t('within'), '1h', ['10m', '1h', '6h', '24h'])}</SimpleGrid>
    case 'disk':
      return <SimpleGrid cols={{ base: 1, sm: 2 }}><Share name="free_below" label={t('freeBelow')} without={0.1} part={part} change={change} />{span('full_in', t('fullIn'), '48h', ['12h', '24h', '48h', '168h'])}</SimpleGrid>
    case 'lag':
      return span('above', t('lagAbove'), '1m', ['10s', '1m', '5m', '15m', '1h'])
    case 'certificate':
      return span('within', t('endsWithin'), '168h', ['24h', '72h', '168h', '336h', '720h'])
    case 'finding':
      return (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select label={t('severity')} allowDeselect={false} data={(['notice', 'warning', 'critical'] as const).map((s) => ({ value: s, label: t(`severity_${s}`) }))} value={text(part.severity) || 'critical'} onChange={(to) => change(put(part, 'severity', to === 'critical' ? undefined : to))} comboboxProps={{ shadow: 'md' }} />
          <TagsInput label={t('codes')} placeholder={keys(part.codes).length ? '' : t('all')} value={keys(part.codes)} onChange={(to) => change(put(part, 'codes', to))} />
        </SimpleGrid>
      )
  }
}

function Volume({ part, change }: Omit<Of, 'kind'>) {
  const t = useText(alert)
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Which of="sources" part={part} change={change} />
      <Count name="at_least" label={t('atLeast')} without={100} part={part} change={change} />
      <Share name="below" label={t('below')} without={0.5} part={part} change={change} zero={t('never')} />
      <NumberInput label={t('above')} description={t('aboveHint')} min={0} max={1000} decimalScale={1} value={typeof part.above === 'number' ? part.above : 3} onChange={(to) => change(put(part, 'above', to === '' || Number(to) === 3 ? undefined : Number(to)))} />
    </SimpleGrid>
  )
}

function Which({ of, part, change }: { of: 'sources' | 'destinations'; part: Part; change: (to: Part) => void }) {
  const t = useText(alert)
  const sources = useQuery({ ...sourcesQuery, enabled: of === 'sources' }).data?.items ?? []
  const destinations = useQuery({ ...destinationsQuery, enabled: of === 'destinations' }).data?.items ?? []
  const chosen = keys(part[of])
  const known = of === 'sources' ? sources.map((s) => ({ value: s.key, label: s.name || s.key })) : destinations.map((d) => ({ value: d.key, label: destinationName(d) }))
  const all = [...known, ...chosen.filter((k) => !known.some((x) => x.value === k)).map((k) => ({ value: k, label: k }))]
  return <MultiSelect label={t(of)} placeholder={chosen.length ? '' : t('all')} data={all} value={chosen} onChange={(to) => change(put(part, of, to))} searchable clearable comboboxProps={{ shadow: 'md' }} />
}

function Count({ name, label, without, part, change }: { name: string; label: string; without: number; part: Part; change: (to: Part) => void }) {
  return <NumberInput label={label} min={1} value={typeof part[name] === 'number' ? (part[name] as number) : without} onChange={(to) => change(put(part, name, to === '' || Number(to) === without ? undefined : Number(to)))} />
}

function Share({ name, label, without, part, change, zero }: { name: string; label: string; without: number; part: Part; change: (to: Part) => void; zero?: string }) {
  const t = useText(alert)
  const share = typeof part[name] === 'number' ? (part[name] as number) : without
  return <NumberInput label={label} description={zero ? t('zeroIs', { what: zero }) : undefined} suffix=" %" min={zero ? 0 : 1} max={99} value={Math.round(share * 100)} onChange={(to) => change(put(part, name, to === '' || Number(to) / 100 === without ? undefined : Number(to) / 100))} />
}

/** Span chooses a time span; one that is none of the choices stays what it is. */
function Span({ label, hint, value, without, choices, change }: { label: string; hint?: string; value: string | undefined; without: string; choices: string[]; change: (to: string | undefined) => void }) {
  const t = useText(alert)
  const { language } = useLocale()
  const own = value ?? without
  const name = (c: string): string => (c === '' ? t('never') : c === '0s' ? t('atOnce') : spanText(language, c))
  return (
    <Select label={label} {...(hint ? { description: hint } : {})} allowDeselect={false} data={[...new Set([...choices, own])].map((c) => ({ value: c, label: name(c) }))} value={own} onChange={(to) => change(to === null || to === without ? undefined : to)} comboboxProps={{ shadow: 'md' }} />
  )
}

/** Summary says in a line what an alert is about. */
export function Summary({ of: a }: { of: Alert }) {
  const t = useText(alert)
  const kind = kindOf(a.when)
  const part = (a.when[kind] ?? {}) as Part
  const which = [...keys(part.sources), ...keys(part.destinations), ...keys(part.codes)]
  return <Text size="sm" truncate>{t(`kind_${kind}`)}{which.length > 0 && `: ${which.join(', ')}`}</Text>
}
