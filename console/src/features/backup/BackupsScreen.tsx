import { Alert, Badge, Button, Card, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import { IconDatabaseExport, IconDatabaseOff } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { May } from '~/features/access/May'
import { spanText } from '~/features/alert/spans'
import { api, ask } from '~/shared/api/client'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Code } from '~/shared/ui/Code'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { backup } from './messages'
import { backupsQuery, jobsOf, planQuery } from './queries'
import type { Backup, Job, Plan } from './queries'
import { sizeText } from './size'

/** BackupsScreen is which copies of the data there are, whether they are whole, and how one is brought back. */
export function BackupsScreen() {
  const t = useText(backup)
  const plan = useQuery(planQuery)
  const ready = plan.data?.possible === true && plan.data.place !== ''
  return (
    <Page title={t('backups')} lead={t('lead')} actions={ready && <May area="process" scope="admin"><Make /></May>}>
      <Async query={plan}>
        {(p) =>
          !p.possible ? <Empty title={t('database')} icon={IconDatabaseOff}>{t('databaseText')}</Empty> : (
            <Stack gap="xl">
              {p.place === '' ? <NoPlace /> : <Planned plan={p} />}
              <Made placed={p.place !== ''} />
              {p.place !== '' && <Restore plan={p} />}
            </Stack>
          )
        }
      </Async>
    </Page>
  )
}

function Make() {
  const t = useText(backup)
  const toasts = useToasts()
  const queries = useQueryClient()
  const running = (useQuery(jobsOf('backup')).data?.items ?? []).some(goesOn)
  const make = useMutation({ mutationFn: () => ask(api.POST('/api/v1/backups', { body: {} })), onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }) })
  return <Button leftSection={<IconDatabaseExport size={16} />} loading={make.isPending} disabled={running} onClick={() => make.mutate(undefined, { onSuccess: () => toasts.done(t('begun')), onError: toasts.failed })}>{t('now')}</Button>
}

const goesOn = (j: Job): boolean => j.state === 'queued' || j.state === 'running' || j.state === 'waiting'

function NoPlace() {
  const t = useText(backup)
  return (
    <Alert color="yellow" title={t('noPlace')}>
      <Stack gap="xs"><Text size="sm">{t('noPlaceText')}</Text><Code text={'RAPPORT_BACKUP_URL=/mnt/other-disk/rapport\nRAPPORT_BACKUP_EVERY=24h\nRAPPORT_BACKUP_KEEP=720h'} label={t('settings')} /></Stack>
    </Alert>
  )
}

function Planned({ plan: p }: { plan: Plan }) {
  const t = useText(backup)
  const { language } = useLocale()
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
      <Fact name={t('place')}><code className="rp-break">{p.place}</code></Fact>
      <Fact name={t('every')}>{p.every ? spanText(language, p.every) : t('byHand')}</Fact>
      <Fact name={t('keep')}>{p.keep ? t('keepText', { span: spanText(language, p.keep) }) : t('forEver')}</Fact>
    </SimpleGrid>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <Card padding="md"><Text size="sm" c="dimmed">{name}</Text><Text component="div" fw={550}>{children}</Text></Card>
}

function Made({ placed }: { placed: boolean }) {
  const t = useText(backup)
  const query = useQuery(backupsQuery)
  const last = (useQuery(jobsOf('backup')).data?.items ?? [])[0]
  const looks = useQuery(jobsOf('backup_verify')).data?.items ?? []
  return (
    <section>
      <Title order={2} mb="sm">{t('made')}</Title>
      {last && goesOn(last) && <Card padding="md" mb="sm"><Text size="sm" mb={6}>{t('goesOn')}</Text><Progress value={last.total ? (last.done / last.total) * 100 : 0} animated aria-label={t('goesOn')} /></Card>}
      {last?.state === 'failed' && <Alert color="red" mb="sm" title={t('failed')}><Text size="sm" lang="en" className="rp-break">{last.error}</Text></Alert>}
      <Async query={query} isEmpty={(d) => (d.items ?? []).length === 0} empty={<Empty title={t('none')} icon={IconDatabaseExport}>{t(placed ? 'noneText' : 'noneNowhere')}</Empty>}>
        {({ items }) => (
          <Card padding={0}>
            <Table.ScrollContainer minWidth={820}>
              <Table>
                <Table.Thead>
                  <Table.Tr><Table.Th>{t('when')}</Table.Th><Table.Th ta="end">{t('size')}</Table.Th><Table.Th ta="end">{t('fresh')}</Table.Th><Table.Th>{t('ends')}</Table.Th><Table.Th>{t('erased')}</Table.Th><Table.Th>{t('whole')}</Table.Th></Table.Tr>
                </Table.Thead>
                <Table.Tbody>{(items ?? []).map((b) => <Row key={`${b.place} ${b.id}`} of={b} look={looks.find((j) => j.subject === b.id)} />)}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Card>
        )}
      </Async>
      <Text size="sm" c="dimmed" mt="sm" maw={720}>{t('erasedHint')}</Text>
    </section>
  )
}

function Row({ of: b, look }: { of: Backup; look: Job | undefined }) {
  const t = useText(backup)
  const f = useFormats()
  const { language } = useLocale()
  const toasts = useToasts()
  const queries = useQueryClient()
  const verify = useMutation({ mutationFn: () => ask(api.POST('/api/v1/backups/{id}/verify', { params: { path: { id: b.id } } })), onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }) })
  const looking = look !== undefined && goesOn(look)
  return (
    <Table.Tr>
      <Table.Td><Time at={b.made_at} exact /><Text size="xs" c="dimmed"><code>{b.id}</code></Text></Table.Td>
      <Table.Td ta="end" className="rp-num">{sizeText(language, b.bytes)}</Table.Td>
      <Table.Td ta="end" className="rp-num">{sizeText(language, b.fresh_bytes)}</Table.Td>
      <Table.Td>{b.expires_at ? <Time at={b.expires_at} exact /> : t('never')}</Table.Td>
      <Table.Td>{b.erased_since > 0 ? <Badge color="yellow">{t('erasedCount', { count: f.number(b.erased_since) })}</Badge> : t('nobody')}</Table.Td>
      <Table.Td>
        <Group gap="xs" wrap="nowrap">
          {look?.state === 'done' && look.finished_at && <Badge color="green" title={f.time(look.finished_at)}>{t('isWhole')}</Badge>}
          {look?.state === 'failed' && <Badge color="red" title={look.error}>{t('isDamaged')}</Badge>}
          <Button size="xs" variant="subtle" loading={verify.isPending || looking} aria-label={t('verifyOne', { when: f.time(b.made_at) })} onClick={() => verify.mutate(undefined, { onSuccess: () => toasts.done(t('looking')), onError: toasts.failed })}>{t('verify')}</Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function Restore({ plan: p }: { plan: Plan }) {
  const t = useText(backup)
  return (
    <section>
      <Title order={2} mb={4}>{t('restore')}</Title>
      <Text c="dimmed" mb="sm" maw={720}>{t('restoreText')}</Text>
      <Code text={`rapport restore --from ${p.place} --data /new/folder\nrapport serve --data /new/folder`} label={t('restore')} />
      <Text size="sm" c="dimmed" mt="sm" maw={720}>{t('restoreErased')}</Text>
    </section>
  )
}
