import { Alert, Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconDatabaseExport } from '@tabler/icons-react'
import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useAccounting } from '~/app/rate'
import { healthQuery, sourcesQuery } from '~/features/source/queries'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import type { Text as Words } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { May } from './May'
import { settings } from './settingsMessages'

type Job = Schema['Job']

const jobsQuery = {
  queryKey: ['jobs'],
  queryFn: ({ signal }: { signal: AbortSignal }) => ask(api.GET('/api/v1/jobs', { params: { query: { limit: 200 } }, signal })),
  refetchInterval: 5_000,
}

/** HealthScreen answers: does it work, is anything late, is anything stuck? */
export function HealthScreen() {
  const t = useText(settings)
  const jobs = useQuery(jobsQuery)
  return (
    <Page title={t('health')} lead={t('healthLead')}>
      <Stack gap="xl">
        <Checks jobs={jobs.data?.items ?? []} />
        <Findings />
        <Backups jobs={jobs.data?.items ?? []} />
        <section>
          <Title order={2} mb="xs">{t('jobs')}</Title>
          <Async query={jobs} isEmpty={(d) => (d.items?.length ?? 0) === 0} empty={<Text c="dimmed">{t('noJobs')}</Text>}>
            {({ items }) => <Jobs jobs={items ?? []} />}
          </Async>
        </section>
      </Stack>
    </Page>
  )
}

function Checks({ jobs }: { jobs: Job[] }) {
  const t = useText(settings)
  const f = useFormats()
  const ready = useQuery({ queryKey: ['readyz'], queryFn: ({ signal }) => call<unknown>('/readyz', { signal }), refetchInterval: 5_000, retry: false })
  const accounting = useAccounting()
  const sums = accounting.data?.sums
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const healths = useQueries({ queries: sources.map((s) => healthQuery(s.key, 10_000)) })
  const failing = sources.filter((_, i) => healths[i]?.data?.status === 'failing')
  const failed = jobs.filter((j) => j.state === 'failed')
  const stuck = jobs.filter((j) => j.state === 'waiting')
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="md">
      <Check title={t('serves')} good={ready.isSuccess} waiting={ready.isPending} text={t(ready.isError ? 'servesBad' : 'servesGood')} />
      <Check title={t('late')} good={(sums?.pending ?? 0) < 1000} waiting={!sums} text={t('lateText', { count: sums?.pending ?? 0 })} />
      <Check title={t('lost')} good={(sums?.dead_lettered ?? 0) === 0} waiting={!sums} text={sums && sums.dead_lettered > 0 ? <Link to="/dead-letters" search={{}}>{t('lostBad', { count: sums.dead_lettered })}</Link> : t('lostGood')} />
      <Check title={t('sourcesAndJobs')} good={failing.length + failed.length + stuck.length === 0} waiting={false} text={failing.length + failed.length + stuck.length === 0 ? t('allGood') : t('someBad', { sources: f.number(failing.length), failed: f.number(failed.length), waiting: f.number(stuck.length) })} />
    </SimpleGrid>
  )
}

const urgency = { critical: 'red', warning: 'yellow', notice: 'blue' } as const

/** Findings are what is not as it should be, in the server's words, the most urgent first. */
function Findings() {
  const t = useText(settings)
  const found = useQuery({ queryKey: ['health'], queryFn: ({ signal }) => ask(api.GET('/api/v1/health', { signal })), refetchInterval: 10_000 }).data?.findings ?? []
  if (found.length === 0) return null
  return (
    <section>
      <Title order={2} mb="xs">{t('findings')}</Title>
      <Stack gap="sm">
        {found.map((x) => (
          <Alert key={`${x.code} ${x.about ?? ''}`} color={urgency[x.severity]} title={x.message}>
            <Text size="sm">{x.mend}</Text>
            <Text size="sm" c="dimmed">{t('findingSince')} <Time at={x.since} /></Text>
          </Alert>
        ))}
      </Stack>
    </section>
  )
}

function Check({ title, good, waiting, text }: { title: string; good: boolean; waiting: boolean; text: ReactNode }) {
  const t = useText(settings)
  return (
    <Card padding="md">
      <Group gap={8} wrap="nowrap" c={waiting ? 'dimmed' : good ? 'var(--rp-good)' : 'var(--rp-bad)'}>
        {good ? <IconCircleCheck size={20} /> : <IconAlertTriangle size={20} />}
        <Text fw={600} c="inherit">{waiting ? t('looking') : t(good ? 'good' : 'bad')}</Text>
      </Group>
      <Title order={2} size="h3" mt={8}>{title}</Title>
      <Text size="sm" c="dimmed" component="div">{text}</Text>
    </Card>
  )
}

function Backups({ jobs }: { jobs: Job[] }) {
  const t = useText(settings)
  const toasts = useToasts()
  const queries = useQueryClient()
  const make = useMutation({ mutationFn: () => ask(api.POST('/api/v1/backups', { body: {} })), onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }) })
  const mine = jobs.filter((j) => j.kind.includes('backup'))
  const last = mine.find((j) => j.state === 'done')
  return (
    <section>
      <Title order={2} mb={4}>{t('backups')}</Title>
      <Group justify="space-between">
        <Text c="dimmed">{last?.finished_at ? <>{t('lastBackup')} <Time at={last.finished_at} /></> : t('noBackup')}</Text>
        <May area="process" scope="admin"><Button variant="default" leftSection={<IconDatabaseExport size={16} />} loading={make.isPending} onClick={() => make.mutate(undefined, { onSuccess: () => toasts.done(t('backupBegun')), onError: toasts.failed })}>{t('backupNow')}</Button></May>
      </Group>
    </section>
  )
}

/** kindOf says what a job does; a server that is newer may have others. */
function kindOf(kind: string, t: Words<keyof (typeof settings)['en']>): string {
  const key = `kind_${kind}`
  return key in settings.en ? t(key as keyof (typeof settings)['en']) : kind
}

const colors: Record<Job['state'], string> = { queued: 'gray', running: 'blue', waiting: 'yellow', done: 'green', failed: 'red', cancelled: 'gray' }

function Jobs({ jobs }: { jobs: Job[] }) {
  const t = useText(settings)
  const f = useFormats()
  return (
    <Card padding={0}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('job')}</Table.Th><Table.Th w={130}>{t('status')}</Table.Th><Table.Th>{t('progress')}</Table.Th><Table.Th ta="end" w={170}>{t('begun')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {jobs.slice(0, 50).map((j) => (
            <Table.Tr key={j.id}>
              <Table.Td className="rp-break">{kindOf(j.kind, t)}{j.subject && <Text span c="dimmed"> {j.subject}</Text>}</Table.Td>
              <Table.Td><Badge color={colors[j.state]}>{t(`job_${j.state}`)}</Badge></Table.Td>
              <Table.Td className="rp-break">{j.error ?? (j.total && j.done <= j.total ? t('doneOf', { done: f.number(j.done), total: f.number(j.total) }) : f.number(j.done))}</Table.Td>
              <Table.Td ta="end"><Time at={j.started_at ?? j.created_at} /></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  )
}
