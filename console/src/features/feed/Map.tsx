import { Alert, Button, Card, Checkbox, Group, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconCircleCheck, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { sourcesQuery } from '~/features/source/queries'
import { api, ask } from '~/shared/api/client'
import { isKey, slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { ProblemState } from '~/shared/states/ProblemState'
import { Json } from '~/shared/ui/Code'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { useToasts } from '~/shared/ui/undo'
import css from './Feed.module.css'
import { feed } from './messages'
import type { FeedKey } from './messages'
import { lookQuery, mappingsQuery, useImport } from './queries'
import type { Column, Looked, Mapping } from './queries'
import { aim, kinds, partsOf, targets, turn, types, whole } from './targets'
import type { Kind } from './targets'

/** Map shows the columns of a file, what they become, and what the first rows come to. */
export function Map({ file }: { file: File }) {
  const t = useText(feed)
  const toasts = useToasts()
  const navigate = useNavigate()
  const [changed, setChanged] = useState<Mapping>()
  const [used, setUsed] = useState<string>()
  const [source, setSource] = useState('default')
  const [historical, setHistorical] = useState(false)
  const [key, setKey] = useState(slug(file.name.replace(/\.[a-z]+$/i, '').replace(/[\d_-]+$/, '')) || 'mapping')
  const [tried] = useDebouncedValue(changed, 250)
  const looked = useQuery(lookQuery(file, tried))
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const kept = useQuery(mappingsQuery).data?.items.filter((m) => m.live_version !== null) ?? []
  const load = useImport()
  // What is kept under a key of its own is not kept again until it is changed.
  const [before, setBefore] = useState<Mapping>()
  const edited = changed !== undefined && changed !== before
  const wrong = edited && !isKey(key)
  const use = async (name: string | null): Promise<void> => {
    setUsed(name ?? undefined)
    const m = name ? ((await ask(api.GET('/api/v1/import-mappings/{key}', { params: { path: { key: name } } }))).mapping as Mapping) : undefined
    setBefore(m)
    setChanged(m)
    if (name) setKey(name)
  }
  const start = (): void =>
    load.mutate(
      { file, source, historical, ...(edited && changed ? { mapping: { key, document: changed } } : used ? { mapping: { key: used } } : {}) },
      {
        onSuccess: (i) => {
          toasts.done(t('started', { name: file.name }))
          void navigate({ to: '/imports/$id', params: { id: i.id } })
        },
      },
    )
  return (
    <Async query={looked}>
      {(l) => {
        const m = changed ?? l.mapping
        return (
          <div className={css.split} onKeyDown={ctrlEnter(start, l.problem !== undefined || wrong || load.isPending)}>
            <Stack>
              <Group align="flex-end" grow>
                <Select label={t('kind')} allowDeselect={false} data={kinds.map((k) => ({ value: k, label: t(`kind_${k}`) }))} value={m.kind} onChange={(v) => v && setChanged(turn(m, v as Kind))} />
                {kept.length > 0 && <Select clearable label={t('use')} placeholder={t('useSuggested')} data={kept.map((x) => x.key)} value={used ?? null} onChange={(v) => void use(v).catch(toasts.failed)} clearButtonProps={{ 'aria-label': t('useSuggested') }} />}
                {m.kind === 'event' && !m.columns.some((c) => c.to === 'event') && <TextInput label={t('eventName')} value={m.event ?? ''} onChange={(e) => setChanged({ ...m, event: e.currentTarget.value })} />}
                {m.kind === 'segment' && !m.columns.some((c) => c.to === 'segment') && <TextInput label={t('listName')} value={m.segment ?? ''} onChange={(e) => setChanged({ ...m, segment: e.currentTarget.value })} />}
              </Group>
              {whole(m.kind) ? <Text size="sm" c="dimmed">{t('wholeRows')}</Text> : <Columns looked={l} mapping={m} change={setChanged} />}
            </Stack>
            <Stack>
              <Result looked={l} />
              <Card padding="md">
                <Stack>
                  <Select label={t('source')} allowDeselect={false} data={sources.map((s) => ({ value: s.key, label: s.name }))} value={source} onChange={(v) => setSource(v ?? source)} />
                  <Checkbox label={t('history')} description={t('historyHint')} checked={historical} onChange={(e) => setHistorical(e.currentTarget.checked)} />
                  {edited && <TextInput label={t('keepAs')} description={t('keepAsHint')} value={key} error={wrong && t('keyWrong')} onChange={(e) => setKey(e.currentTarget.value)} />}
                  {load.error && <ProblemState error={load.error} compact />}
                  <Button leftSection={<IconUpload size={16} />} disabled={l.problem !== undefined || wrong} loading={load.isPending} onClick={start}>{t('start')}</Button>
                </Stack>
              </Card>
            </Stack>
          </div>
        )
      }}
    </Async>
  )
}

function Columns({ looked: l, mapping: m, change }: { looked: Looked; mapping: Mapping; change: (m: Mapping) => void }) {
  const t = useText(feed)
  return (
    <Card padding={0}>
      <Table.ScrollContainer minWidth={620}>
        <Table aria-label={t('stepMap')} verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr><Table.Th>{t('column')}</Table.Th><Table.Th>{t('sample')}</Table.Th><Table.Th w={270}>{t('to')}</Table.Th><Table.Th w={140}>{t('type')}</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {l.columns.map((column, i) => {
              const c = m.columns.find((x) => x.column === column)
              const put = (to: Partial<Column>): void => change({ ...m, columns: m.columns.map((x) => (x.column === column ? tidy({ ...x, ...to }) : x)) })
              return (
                <Table.Tr key={column}>
                  <Table.Td><Text fw={550} size="sm" className="rp-break">{column}</Text></Table.Td>
                  <Table.Td className={`${css.cell} rp-ellipsis`}>{l.sample.slice(0, 3).map((row) => row[i] ?? '').filter(Boolean).join(' · ')}</Table.Td>
                  <Table.Td><Aim mapping={m} column={column} of={c} change={change} /></Table.Td>
                  <Table.Td>
                    {c && (
                      <Stack gap={4}>
                        <Select size="xs" aria-label={`${t('type')}: ${column}`} allowDeselect={false} data={types.map((x) => ({ value: x, label: t(`type_${x}`) }))} value={c.type ?? ''} onChange={(v) => put({ type: (v || undefined) as Column['type'] & string })} />
                        {(c.type === 'number' || c.type === 'integer') && <Checkbox size="xs" label={t('decimalComma')} checked={c.transform?.includes('decimal_comma') ?? false} onChange={(e) => put({ transform: [...(c.transform ?? []).filter((x) => x !== 'decimal_comma'), ...(e.currentTarget.checked ? ['decimal_comma'] : [])] })} />}
                        {(c.type === 'time' || c.type === 'date') && <TextInput size="xs" aria-label={`${t('format')}: ${column}`} description={t('formatHint')} value={c.format ?? ''} onChange={(e) => put({ format: e.currentTarget.value })} />}
                      </Stack>
                    )}
                  </Table.Td>
                </Table.Tr>
              )
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  )
}

/** tidy leaves out of a column what says nothing. */
function tidy(c: Column): Column {
  return Object.fromEntries(Object.entries(c).filter(([, v]) => v !== '' && v !== undefined && !(Array.isArray(v) && v.length === 0))) as unknown as Column
}

function Aim({ mapping: m, column, of, change }: { mapping: Mapping; column: string; of: Column | undefined; change: (m: Mapping) => void }) {
  const t = useText(feed)
  const { field, name } = partsOf(of?.to ?? '')
  const family = field.endsWith(':')
  const pick = (to: string | null): void => change(aim(m, column, to ? (to.endsWith(':') ? to + (name || slug(column).replaceAll('-', '_') || column) : to) : undefined))
  return (
    <Group gap={6} wrap="nowrap">
      <Select
        flex={1}
        size="xs"
        aria-label={`${t('to')}: ${column}`}
        allowDeselect={false}
        data={[{ value: '', label: t('toLeave') }, ...targets[m.kind].map((x) => ({ value: x, label: t(`to_${x}` as FeedKey) }))]}
        value={field}
        onChange={pick}
      />
      {family && <TextInput flex={1} size="xs" aria-label={t('toName', { column })} value={name} onChange={(e) => change(aim(m, column, field + e.currentTarget.value))} />}
    </Group>
  )
}

function Result({ looked: l }: { looked: Looked }) {
  const t = useText(feed)
  return (
    <Card padding="md" component="section" aria-live="polite">
      <Title order={2} size="h3" mb="sm">{t('result')}</Title>
      <Stack gap="sm">
        {l.problem && <Alert color="yellow" title={t('problem')}>{l.problem}</Alert>}
        {!l.problem && l.flaws.length > 0 && (
          <Alert color="yellow" title={t('flaws', { count: l.flaws.length, rows: l.rows_looked_at })}>
            {l.flaws.slice(0, 3).map((f) => <Text key={`${f.line}${f.code}`} size="sm">{t('line')} {f.line}: {f.reason}; {f.mend}</Text>)}
          </Alert>
        )}
        {!l.problem && l.flaws.length === 0 && <Group gap={6} c="var(--rp-good)"><IconCircleCheck size={17} /><Text size="sm" c="inherit">{t('flawsNone', { rows: l.rows_looked_at })}</Text></Group>}
        {l.examples.slice(0, 2).map((e, n) => <Json key={n} value={e} label={t('row', { n: n + 1 })} height={220} />)}
        {l.examples.length === 0 && !l.problem && <Text size="sm" c="dimmed">{t('noResult')}</Text>}
      </Stack>
    </Card>
  )
}
