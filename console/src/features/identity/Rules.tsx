import { ActionIcon, Alert, Badge, Button, Card, Group, NumberInput, Select, SimpleGrid, Stack, Table, TagsInput, Text, TextInput, Title, VisuallyHidden } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconFlask, IconPlus, IconX } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { identity } from './messages'

type Namespace = Schema['Namespace']

/** Document are the rules; what the console does not edit stays in them. */
export interface Document {
  namespaces: Namespace[]
  default_region?: string
  blocked?: { value?: string; pattern?: string }[]
  owner_before?: string
}

interface Apply {
  busy: boolean
  error: unknown
  run: (d: Document, before: Document) => void
}

/** Rules edits them, says what would change, and applies them. */
export function Rules({ document, apply }: { document: Document; apply: Apply }) {
  const t = useText(identity)
  const [d, set] = useState(document)
  const tried = useMutation({ mutationFn: (of: Document) => ask(api.POST('/api/v1/identity/rules/dry-run', { body: of as never })) })
  const changed = JSON.stringify(d) !== JSON.stringify(document)
  // What was tried tells nothing of what was written since.
  const fits = tried.data !== undefined && JSON.stringify(tried.variables) === JSON.stringify(d)
  const plain = (d.blocked ?? []).flatMap((b) => (b.value && !b.pattern ? [b.value] : []))
  const region = (to: string): void => {
    const { default_region: _, ...rest } = d
    set(to ? { ...rest, default_region: to.toUpperCase() } : rest)
  }
  return (
    <Stack gap="lg" maw={980} onKeyDown={ctrlEnter(() => tried.mutate(d), !changed || tried.isPending)}>
      <Namespaces document={d} set={set} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label={t('region')} description={t('regionHint')} maxLength={2} value={d.default_region ?? ''} onChange={(e) => region(e.currentTarget.value)} />
        <TagsInput label={t('blocked')} description={t('blockedHint')} acceptValueOnBlur value={plain} onChange={(v) => set({ ...d, blocked: [...(d.blocked ?? []).filter((b) => b.pattern), ...v.map((value) => ({ value }))] })} />
      </SimpleGrid>
      <Group justify="flex-end" gap="xs">
        {changed && <Button variant="subtle" color="gray" onClick={() => set(document)}>{t('discard')}</Button>}
        <Button variant={fits ? 'default' : 'filled'} leftSection={<IconFlask size={16} />} disabled={!changed} loading={tried.isPending} title={t('dryRunText')} onClick={() => tried.mutate(d)}>{t('dryRun')}</Button>
        <Button disabled={!fits || !changed} loading={apply.busy} onClick={() => apply.run(d, document)}>{t('apply')}</Button>
      </Group>
      {tried.error && <ProblemState error={tried.error} compact />}
      {apply.error ? <ProblemState error={apply.error} compact /> : null}
      {tried.data && changed && !fits && <Alert color="yellow">{t('stale')}</Alert>}
      {tried.data && fits && <Result of={tried.data} />}
    </Stack>
  )
}

const forms = ['exact', 'folded', 'email', 'phone', 'social', 'loyalty'] as const
const numberOf = (v: string | number): number | undefined => (v === '' || Number.isNaN(Number(v)) ? undefined : Number(v))

function Namespaces({ document: d, set }: { document: Document; set: (d: Document) => void }) {
  const t = useText(identity)
  const [name, setName] = useState('')
  const put = (i: number, n: Namespace): void => set({ ...d, namespaces: d.namespaces.map((x, j) => (i === j ? n : x)) })
  const move = (i: number, by: number): void => {
    const all = [...d.namespaces]
    const [one] = all.splice(i, 1)
    if (one) all.splice(i + by, 0, one)
    set({ ...d, namespaces: all })
  }
  const limit = (i: number, n: Namespace, count: number | undefined, days: number | undefined): void => {
    const { limit: _, ...rest } = n
    put(i, count ? { ...rest, limit: { count, ...(days ? { days } : {}) } } : rest)
  }
  const shared = (i: number, n: Namespace, above: number | undefined): void => {
    const { shared_above: _, ...rest } = n
    put(i, above === undefined ? rest : { ...rest, shared_above: above })
  }
  const add = (): void => {
    if (!name.trim() || d.namespaces.some((n) => n.name === name.trim())) return
    set({ ...d, namespaces: [...d.namespaces, { name: name.trim() }] })
    setName('')
  }
  return (
    <Card padding="md">
      <Text size="sm" c="dimmed" mb="sm">{t('order')}</Text>
      <Table.ScrollContainer minWidth={860}>
        <Table>
          <Table.Thead>
            <Table.Tr><Table.Th>{t('namespace')}</Table.Th><Table.Th>{t('form')}</Table.Th><Table.Th>{t('limit')}</Table.Th><Table.Th>{t('days')}</Table.Th><Table.Th title={t('sharedHint')}>{t('shared')}</Table.Th><Table.Th w={110}><VisuallyHidden>{t('moves')}</VisuallyHidden></Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {d.namespaces.map((n, i) => (
              <Table.Tr key={n.name}>
                <Table.Td><Text fw={600} size="sm">{n.name}</Text></Table.Td>
                <Table.Td><Select size="xs" aria-label={`${t('form')}: ${n.name}`} allowDeselect={false} data={forms.map((f) => ({ value: f, label: t(`form_${f}`) }))} value={n.form ?? 'exact'} onChange={(v) => v && put(i, { ...n, form: v as 'email' })} /></Table.Td>
                <Table.Td><NumberInput size="xs" hideControls min={1} aria-label={`${t('limit')}: ${n.name}`} placeholder={t('limitNone')} value={n.limit?.count ?? ''} onChange={(v) => limit(i, n, numberOf(v), n.limit?.days)} /></Table.Td>
                <Table.Td><NumberInput size="xs" hideControls min={1} aria-label={`${t('days')}: ${n.name}`} placeholder={t('daysEver')} disabled={!n.limit} value={n.limit?.days || ''} onChange={(v) => limit(i, n, n.limit?.count, numberOf(v))} /></Table.Td>
                <Table.Td><NumberInput size="xs" hideControls min={0} aria-label={`${t('shared')}: ${n.name}`} placeholder={t('limitNone')} value={n.shared_above || ''} onChange={(v) => shared(i, n, numberOf(v))} /></Table.Td>
                <Table.Td>
                  <Group gap={2} wrap="nowrap" justify="flex-end">
                    <ActionIcon variant="subtle" color="gray" disabled={i === 0} aria-label={t('up', { name: n.name })} onClick={() => move(i, -1)}><IconArrowUp size={15} /></ActionIcon>
                    <ActionIcon variant="subtle" color="gray" disabled={i === d.namespaces.length - 1} aria-label={t('down', { name: n.name })} onClick={() => move(i, 1)}><IconArrowDown size={15} /></ActionIcon>
                    <ActionIcon variant="subtle" color="gray" aria-label={t('take', { name: n.name })} onClick={() => set({ ...d, namespaces: d.namespaces.filter((_, j) => j !== i) })}><IconX size={15} /></ActionIcon>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group align="flex-end" gap="xs" mt="sm">
        <TextInput size="xs" w={260} label={t('addName')} description={t('addHint')} value={name} onChange={(e) => setName(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === 'Enter' && !e.ctrlKey) add() }} />
        <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} disabled={!name.trim()} onClick={add}>{t('add')}</Button>
      </Group>
    </Card>
  )
}

function Result({ of: r }: { of: Schema['IdentityPreview'] }) {
  const t = useText(identity)
  const f = useFormats()
  const card = useRef<HTMLDivElement>(null)
  // Newer browsers answer with a promise, which is nothing to clean up with.
  useEffect(() => void card.current?.scrollIntoView({ block: 'nearest' }), [r])
  const nothing = r.split === 0 && r.merged === 0 && r.people.before === r.people.after
  return (
    <Card ref={card} role="region" aria-label={t('result')} aria-live="polite">
      <Title order={2} size="h3" mb={6}>{t('result')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('looked', { count: r.identifiers, all: r.complete ? 'yes' : 'no' })}</Text>
      {nothing ? <Text>{t('nothing')}</Text> : (
        <Stack>
          <Text fz={20} fw={620}>{t('people', { before: f.number(r.people.before), after: f.number(r.people.after) })}</Text>
          <Group gap="xs">
            {r.split > 0 && <Badge color="yellow" size="lg">{t('split', { count: r.split })}</Badge>}
            {r.merged > 0 && <Badge color="blue" size="lg">{t('merged', { count: r.merged })}</Badge>}
          </Group>
          {(r.samples ?? []).slice(0, 5).map((s, n) => (
            <section key={n}>
              <Title order={3} size="h4" fz="sm" mb={6}>{t('sample', { n: n + 1 })}</Title>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                <Side title={t('before')} people={s.before} />
                <Side title={t('after')} people={s.after} />
              </SimpleGrid>
            </section>
          ))}
        </Stack>
      )}
    </Card>
  )
}

function Side({ title, people }: { title: string; people: (Schema['Identifier'][] | null)[] | null }) {
  const t = useText(identity)
  return (
    <Stack gap={6}>
      <Text size="xs" c="dimmed">{title}</Text>
      {(people ?? []).map((ids, i) => (
        <Card key={i} padding="xs" radius="md">
          <Text size="xs" c="dimmed">{t('onePerson', { n: i + 1 })}</Text>
          {(ids ?? []).map((x) => <Text key={x.namespace + x.value} size="sm" className="rp-break"><Text span size="sm" c="dimmed">{x.namespace}</Text> {x.value}</Text>)}
        </Card>
      ))}
    </Stack>
  )
}
