import { Alert, Badge, Button, Card, Checkbox, Group, Stack, Table, Text, Title } from '@mantine/core'
import { IconCalculator, IconEraser, IconHistory } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { retention } from './messages'
import { Outcome } from './Outcome'
import { About } from './PolicyForm'
import { cancelRun, floorsQuery, moving, resultOf, runsQuery, startRun, useRetentionChange } from './queries'
import type { Job, Listed } from './queries'

/** Runs are what was counted and taken out, and up to when events are gone. */
export function Runs({ may, policies }: { may: boolean; policies: Listed[] }) {
  const t = useText(retention)
  const toasts = useToasts()
  const query = useQuery(runsQuery)
  const [sure, setSure] = useState(false)
  const count = useRetentionChange(() => startRun({ dry_run: true }))
  const any = policies.some((p) => p.live_version !== null)
  return (
    <Stack gap="lg" maw={860}>
      <Group justify="space-between" align="flex-start">
        <Text c="dimmed" maw={440}>{t('runsLead')}</Text>
        {may && any && (
          <Group gap="xs">
            <Button variant="default" leftSection={<IconCalculator size={16} />} loading={count.isPending} onClick={() => count.mutate(undefined, { onError: toasts.failed })}>{t('countAll')}</Button>
            <Button color="red" variant="light" leftSection={<IconEraser size={16} />} onClick={() => setSure(true)}>{t('runNow')}</Button>
          </Group>
        )}
      </Group>
      <Async query={query} isEmpty={(d) => (d.items ?? []).length === 0} empty={<Empty title={t('noRuns')} icon={IconHistory}>{t('noRunsText')}</Empty>}>
        {({ items }) => <Stack gap="sm">{(items ?? []).map((j) => <Run key={j.id} job={j} may={may} />)}</Stack>}
      </Async>
      <Floors ended={query.data?.items?.find((j) => !moving(j))?.id} />
      <Dialog opened={sure} close={() => setSure(false)} title={t('runSure')}><Sure close={() => setSure(false)} /></Dialog>
    </Stack>
  )
}

const colors: Record<Job['state'], string> = { queued: 'gray', running: 'blue', waiting: 'yellow', done: 'green', failed: 'red', cancelled: 'gray' }

function Run({ job: j, may }: { job: Job; may: boolean }) {
  const t = useText(retention)
  const toasts = useToasts()
  const cancel = useRetentionChange(() => cancelRun(j.id))
  const dry = resultOf(j)?.dry_run
  return (
    <Card padding="md" component="section" aria-label={t(dry ? 'run_dry' : 'run_real')}>
      <Group justify="space-between" mb="xs">
        <Group gap="xs">
          <Title order={2} size="h4">{t(dry ? 'run_dry' : 'run_real')}</Title>
          <Badge color={colors[j.state]}>{t(`state_${j.state}`)}</Badge>
          <Text size="sm" c="dimmed"><Time at={j.created_at} />{j.author === 'schedule' && `, ${t('bySchedule')}`}</Text>
        </Group>
        {may && moving(j) && <Button size="compact-sm" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate(undefined, { onSuccess: () => toasts.done(t('cancelled')), onError: toasts.failed })}>{t('cancel')}</Button>}
      </Group>
      <Outcome job={j} />
    </Card>
  )
}

function Sure({ close }: { close: () => void }) {
  const t = useText(retention)
  const c = useText(common)
  const toasts = useToasts()
  const [sure, setSure] = useState(false)
  const run = useRetentionChange(() => startRun({}))
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (sure) run.mutate(undefined, { onSuccess: () => { toasts.done(t('runBegun')); close() } }) }}>
      <Stack>
        <Alert color="red">{t('runSureText')}</Alert>
        <Checkbox data-autofocus label={t('runSureBox')} checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} />
        {run.error && <ProblemState error={run.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" color="red" disabled={!sure} loading={run.isPending}>{t('runNow')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

function Floors({ ended }: { ended: string | undefined }) {
  const t = useText(retention)
  const f = useFormats()
  const floors = useQuery(floorsQuery(ended)).data?.floors ?? []
  if (floors.length === 0) return null
  return (
    <section>
      <Title order={2} mb={4}>{t('floors')}</Title>
      <Text c="dimmed" mb="sm">{t('floorsText')}</Text>
      <Card padding={0}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('about')}</Table.Th><Table.Th ta="end" w={160}>{t('before')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{floors.map((x) => <Table.Tr key={JSON.stringify(x)}><Table.Td><About of={{ ...x, types: (x.types ?? []) as never }} /></Table.Td><Table.Td ta="end" className="rp-num">{f.date(x.before)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Card>
    </section>
  )
}
