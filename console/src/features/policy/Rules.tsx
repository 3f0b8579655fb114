import { ActionIcon, Autocomplete, Button, Card, Group, MultiSelect, Select, SimpleGrid, Stack, Table, TagsInput, Text, TextInput, Title, VisuallyHidden } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sourcesQuery } from '~/features/source/queries'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { namesOf, namesText, saysNoTo, signals, withSignal, without } from './document'
import type { Document, Purpose, SourceRule } from './document'
import { policy } from './messages'

interface Part {
  document: Document
  set: (d: Document) => void
}

/** Rules edits a consent policy. */
export function Rules(props: { document: Document; readOnly: boolean; saving: boolean; error: Error | null; save: (d: Document) => void }) {
  const t = useText(policy)
  const [d, set] = useState(props.document)
  const changed = JSON.stringify(d) !== JSON.stringify(props.document)
  const keys = d.purposes.map((p) => p.key.trim())
  const wrong = keys.some((key, i) => key === '' || keys.indexOf(key) !== i)
  const idle = !changed || wrong || props.saving
  return (
    <fieldset disabled={props.readOnly} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
      <Stack gap="lg" maw={980} onKeyDown={ctrlEnter(() => props.save(d), idle)}>
        <Purposes document={d} set={set} />
        <Needs document={d} set={set} />
        <Signals document={d} set={set} />
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end" gap="xs">
          {changed && wrong && <Text size="sm" c="dimmed">{t('keyWrong')}</Text>}
          {changed && <Button variant="subtle" color="gray" onClick={() => set(props.document)}>{t('discard')}</Button>}
          <Button disabled={idle} loading={props.saving} onClick={() => props.save(d)}>{t('save')}</Button>
        </Group>
      </Stack>
    </fieldset>
  )
}

const bases = ['consent', 'opt_out'] as const

function Purposes({ document: d, set }: Part) {
  const t = useText(policy)
  const put = (i: number, p: Purpose): void => set({ ...d, purposes: d.purposes.map((x, j) => (i === j ? p : x)) })
  // A key that changes goes on being what sources and signals name.
  const rename = (i: number, key: string): void => {
    const before = d.purposes[i]?.key ?? ''
    const now = (k: string): string => (k === before && before !== '' ? key : k)
    set({
      ...d,
      purposes: d.purposes.map((x, j) => (i === j ? { ...x, key } : x)),
      ...(d.sources ? { sources: d.sources.map((s) => ({ ...s, purpose: now(s.purpose) })) } : {}),
      ...(d.signals ? { signals: { gpc: (d.signals.gpc ?? []).map(now), dnt: (d.signals.dnt ?? []).map(now) } } : {}),
    })
  }
  return (
    <Card padding="md">
      <Title order={2} size="h3">{t('purposes')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('purposesText')}</Text>
      <Table.ScrollContainer minWidth={780}>
        <Table>
          <Table.Thead>
            <Table.Tr><Table.Th>{t('key')}</Table.Th><Table.Th>{t('name')}</Table.Th><Table.Th>{t('names')}</Table.Th><Table.Th w={270}>{t('basis')}</Table.Th><Table.Th w={50}><VisuallyHidden>{t('addPurpose')}</VisuallyHidden></Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {d.purposes.map((p, i) => (
              <Table.Tr key={i}>
                <Table.Td><TextInput size="xs" aria-label={`${t('key')} ${i + 1}`} title={t('keyHint')} placeholder="marketing" maxLength={100} value={p.key} onChange={(e) => rename(i, e.currentTarget.value)} /></Table.Td>
                <Table.Td><TextInput size="xs" aria-label={`${t('name')} ${i + 1}`} maxLength={200} value={p.name ?? ''} onChange={(e) => put(i, { ...p, name: e.currentTarget.value })} /></Table.Td>
                <Table.Td><TagsInput size="xs" aria-label={`${t('names')} ${i + 1}`} placeholder={p.names ? '' : t('namesHint')} acceptValueOnBlur value={namesText(p)} onChange={(v) => put(i, { ...p, names: namesOf(v) })} /></Table.Td>
                <Table.Td><Select size="xs" aria-label={`${t('basis')} ${i + 1}`} allowDeselect={false} data={bases.map((b) => ({ value: b, label: t(`basis_${b}`) }))} value={p.basis ?? 'consent'} onChange={(v) => v && put(i, { ...p, basis: v as 'consent' })} /></Table.Td>
                <Table.Td><ActionIcon variant="subtle" color="gray" disabled={d.purposes.length === 1} aria-label={t('takePurpose', { name: p.name || p.key || String(i + 1) })} onClick={() => set(without(d, p.key))}><IconX size={15} /></ActionIcon></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Button size="xs" mt="sm" style={{ alignSelf: 'start' }} variant="default" leftSection={<IconPlus size={14} />} onClick={() => set({ ...d, purposes: [...d.purposes, { key: '' }] })}>{t('addPurpose')}</Button>
    </Card>
  )
}

const modes = ['keep', 'anonymous', 'refuse'] as const
const channels = ['email', 'sms', 'push', 'phone', 'post', 'web']

function Needs({ document: d, set }: Part) {
  const t = useText(policy)
  const known = useQuery(sourcesQuery).data?.items ?? []
  const rules = d.sources ?? []
  const put = (i: number, to: SourceRule): void => set({ ...d, sources: rules.map((x, j) => (i === j ? to : x)) })
  const channel = (i: number, { channel: _, ...rest }: SourceRule, to: string): void => put(i, to ? { ...rest, channel: to } : rest)
  const sources = (of: string): { value: string; label: string }[] => {
    const all = [{ value: '*', label: t('anySource') }, ...known.map((s) => ({ value: s.key, label: s.name || s.key }))]
    return all.some((s) => s.value === of) ? all : [...all, { value: of, label: of }]
  }
  const free = sources('*').find((s) => !rules.some((r) => r.source === s.value))
  return (
    <Card padding="md">
      <Title order={2} size="h3">{t('needs')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{rules.length === 0 ? t('noNeeds') : t('needsText')}</Text>
      {rules.length > 0 && (
        <Table.ScrollContainer minWidth={780}>
          <Table>
            <Table.Thead>
              <Table.Tr><Table.Th>{t('source')}</Table.Th><Table.Th>{t('purpose')}</Table.Th><Table.Th>{t('channel')}</Table.Th><Table.Th w={250}>{t('mode')}</Table.Th><Table.Th w={50}><VisuallyHidden>{t('addNeed')}</VisuallyHidden></Table.Th></Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rules.map((r, i) => (
                <Table.Tr key={i}>
                  <Table.Td><Select size="xs" aria-label={`${t('source')} ${i + 1}`} allowDeselect={false} searchable data={sources(r.source)} value={r.source} onChange={(v) => v && put(i, { ...r, source: v })} /></Table.Td>
                  <Table.Td><Select size="xs" aria-label={`${t('purpose')} ${i + 1}`} allowDeselect={false} data={purposeData(d)} value={r.purpose} onChange={(v) => v && put(i, { ...r, purpose: v })} /></Table.Td>
                  <Table.Td><Autocomplete size="xs" aria-label={`${t('channel')} ${i + 1}`} placeholder={t('everyChannel')} data={channels} maxLength={100} value={r.channel ?? ''} onChange={(v) => channel(i, r, v)} /></Table.Td>
                  <Table.Td><Select size="xs" aria-label={`${t('mode')} ${i + 1}`} allowDeselect={false} data={modes.map((m) => ({ value: m, label: t(`mode_${m}`) }))} value={r.mode} onChange={(v) => v && put(i, { ...r, mode: v as 'keep' })} /></Table.Td>
                  <Table.Td><ActionIcon variant="subtle" color="gray" aria-label={t('takeNeed', { n: i + 1 })} onClick={() => set({ ...d, sources: rules.filter((_, j) => j !== i) })}><IconX size={15} /></ActionIcon></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Button size="xs" mt={rules.length ? 'sm' : 0} style={{ alignSelf: 'start' }} variant="default" leftSection={<IconPlus size={14} />} disabled={!free || !d.purposes[0]?.key} onClick={() => free && set({ ...d, sources: [...rules, { source: free.value, purpose: d.purposes[0]?.key ?? '', mode: 'anonymous' }] })}>{t('addNeed')}</Button>
    </Card>
  )
}

/** purposeData are the purposes to choose from: each key once, as a choice wants it. */
function purposeData(d: Document): { value: string; label: string }[] {
  return d.purposes.filter((p, i) => p.key && d.purposes.findIndex((x) => x.key === p.key) === i).map((p) => ({ value: p.key, label: p.name || p.key }))
}

function Signals({ document: d, set }: Part) {
  const t = useText(policy)
  return (
    <Card padding="md">
      <Title order={2} size="h3">{t('signals')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('signalsText')}</Text>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {signals.map((s) => <MultiSelect key={s} label={t(s)} data={purposeData(d)} value={saysNoTo(d, s)} onChange={(v) => set(withSignal(d, s, v))} comboboxProps={{ shadow: 'md' }} />)}
      </SimpleGrid>
    </Card>
  )
}
