import { Alert, Button, Card, Group, List, Stack, Table, Text, Title } from '@mantine/core'
import { IconDownload, IconPencil } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ReactNode } from 'react'
import { settings } from '~/features/access/settingsMessages'
import { file } from '~/shared/api/client'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { History } from '~/shared/definition/History'
import { Async } from '~/shared/states/Async'
import { Sheet } from '~/shared/ui/Dialog'
import { download } from '~/shared/ui/download'
import { Folded } from '~/shared/ui/Folded'
import { useToasts } from '~/shared/ui/undo'
import { retention } from './messages'
import { About } from './PolicyForm'
import { recordQuery, statementAddress } from './queries'
import type { Record_, Statement } from './queries'
import { StatementForm } from './StatementForm'

const missing = ['controller', 'people', 'data', 'transfers', 'security', 'purposes'] as const
const roles = ['viewer', 'analyst', 'marketer', 'developer', 'privacy', 'admin'] as const

/** ProcessingRecord is the record of processing as it is now, and where the rest of it is said. */
export function ProcessingRecord({ may }: { may: boolean }) {
  const t = useText(retention)
  const f = useFormats()
  const { language } = useLocale()
  const toasts = useToasts()
  const query = useQuery(recordQuery)
  const [editing, setEditing] = useState(false)
  const fetched = useMutation({ mutationFn: () => file(`/api/v1/processing-record/document?language=${language}`), onSuccess: (text) => download(text, 'record-of-processing.md'), onError: toasts.failed })
  return (
    <Async query={query}>
      {(r) => (
        <Stack gap="lg" maw={860}>
          <Group justify="space-between" align="flex-start">
            <Text c="dimmed" maw={520}>{t('recordLead')} {t('madeAt', { time: f.time(r.made_at) })}.</Text>
            <Button variant="default" leftSection={<IconDownload size={16} />} loading={fetched.isPending} onClick={() => fetched.mutate()}>{t('recordDownload')}</Button>
          </Group>
          {r.missing.length === 0 ? <Alert color="green">{t('complete')}</Alert> : (
            <Alert color="yellow" title={t('missing')}><List size="sm">{missing.filter((m) => r.missing.includes(m)).map((m) => <List.Item key={m}>{t(`missing_${m}`)}</List.Item>)}</List></Alert>
          )}
          <Said of={r.statement} edit={may ? () => setEditing(true) : undefined} />
          <Known of={r} />
          <Folded label={t('statementHistory')}><History address={statementAddress} invalidate={['retention']} {...(may ? {} : { rollback: null })} /></Folded>
          <Sheet opened={editing} close={() => setEditing(false)} title={t('statement')} size="44rem"><StatementForm document={r.statement} close={() => setEditing(false)} /></Sheet>
        </Stack>
      )}
    </Async>
  )
}

function Said({ of: s, edit }: { of: Statement; edit: (() => void) | undefined }) {
  const t = useText(retention)
  const party = (p: Statement['controller']): string[] => [p?.name, p?.contact].filter((x): x is string => Boolean(x))
  const rows: [string, string[]][] = [
    [t('controller'), party(s.controller)],
    ...(s.joint_with?.length ? [[t('joint'), s.joint_with.map((p) => party(p).join(', '))] satisfies [string, string[]]] : []),
    [t('officer'), party(s.officer)],
    [t('people'), s.people ?? []],
    [t('data'), s.data ?? []],
    [t('recipients'), s.recipients ?? []],
    [t('transfers'), s.transfers ?? []],
    [t('keptElse'), s.kept ?? []],
    [t('security'), s.security ?? []],
    ...(s.description ? [[t('description'), [s.description]] satisfies [string, string[]]] : []),
  ]
  return (
    <Part title={t('statement')} action={edit && <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} />} onClick={edit}>{t('statementEdit')}</Button>} rows={rows.map(([name, lines]) => [name, lines.length ? lines.map((l) => <div key={l} className="rp-break">{l}</div>) : <Text key="" size="sm" c="dimmed">{t('unsaid')}</Text>])} />
  )
}

/** Known is what follows from what the instance is told to do. */
function Known({ of: r }: { of: Record_ }) {
  const t = useText(retention)
  const s = useText(settings)
  const roleName = (role: string): string => {
    const known = roles.find((x) => x === role)
    return known ? s(`role_${known}`) : role
  }
  return (
    <>
      <Part title={t('purposes')} rows={r.purposes.map((p) => [p.name || p.key, <code key="">{p.key}</code>])} none={t('unsaid')} />
      <Part title={t('limits')} rows={r.kept.map((p) => [p.name || p.policy, <span key="">{t('keepDays', { count: p.keep_days })} · <About of={p} />{p.purpose && ` · ${p.purpose}`}{p.legal_basis && ` · ${p.legal_basis}`}</span>])} none={t('limitsNone')} />
      <Part title={t('from')} rows={r.sources.map((x) => [x.name || x.key, [x.kind, x.provider, x.purpose].filter(Boolean).join(' · ')])} none={t('unsaid')} />
      <Part title={t('recipients')} rows={r.recipients.map((x) => [x.name || x.key, x.type])} none={t('unsaid')} />
      <Part title={t('access')} rows={[...r.access.map((x): [string, ReactNode] => [roleName(x.role), t('roleMembers', { count: x.members })]), ...r.keys.map((k): [string, ReactNode] => [t('keys'), t('keyScope', { count: k.keys, scope: k.scope })])]} />
    </>
  )
}

function Part({ title, rows, action, none }: { title: string; rows: [string, ReactNode][]; action?: ReactNode; none?: string }) {
  return (
    <section>
      <Group justify="space-between" mb="xs"><Title order={2} size="h3">{title}</Title>{action}</Group>
      {rows.length === 0 ? <Text size="sm" c="dimmed">{none}</Text> : (
        <Card padding={0}>
          <Table variant="vertical" aria-label={title}>
            <Table.Tbody>{rows.map(([name, value], i) => <Table.Tr key={`${name} ${i}`}><Table.Th fw={400} w="40%">{name}</Table.Th><Table.Td>{value}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Card>
      )}
    </section>
  )
}
