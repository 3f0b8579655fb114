import { Alert, Anchor, Badge, Card, Grid, Group, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconChevronRight, IconCircleCheck } from '@tabler/icons-react'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useAccounting } from '~/app/rate'
import { Health } from '~/features/source/Health'
import { healthQuery, sourcesQuery } from '~/features/source/queries'
import type { Source } from '~/features/source/queries'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Page } from '~/shared/ui/Page'
import { Spark } from '~/shared/ui/Spark'
import { Time } from '~/shared/ui/Time'
import { Checklist } from './Checklist'
import { Demo } from './Demo'
import css from './Home.module.css'
import { home } from './messages'

type Sums = Schema['Accounting']

/** HomeScreen says how the instance does, and what to do next. */
export function HomeScreen() {
  const t = useText(home)
  const accounting = useAccounting()
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Async query={accounting}>
        {({ sums, samples }) => (
          <Stack gap="lg">
            <Attention sums={sums} />
            <Sums sums={sums} />
            <Grid gap="lg">
              <Grid.Col span={{ base: 12, lg: 7 }}>
                <Stack gap="lg">
                  <Rate samples={samples} />
                  <Sources />
                </Stack>
              </Grid.Col>
              <Grid.Col span={{ base: 12, lg: 5 }}>
                <Stack gap="lg">
                  <Checklist received={sums.received} />
                  <Demo />
                </Stack>
              </Grid.Col>
            </Grid>
          </Stack>
        )}
      </Async>
    </Page>
  )
}

interface Finding {
  title: string
  next: string
  to: ReactNode
}

function useFindings(sums: Sums): Finding[] {
  const t = useText(home)
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const healths = useQueries({ queries: sources.map((s) => healthQuery(s.key, 10_000)) })
  const out: Finding[] = []
  if (sums.dead_lettered > 0) {
    out.push({ title: t('problemLetters', { count: sums.dead_lettered }), next: t('problemLettersNext'), to: <Go><Link to="/dead-letters" search={{}}>{t('open')}</Link></Go> })
  }
  for (const [i, s] of sources.entries()) {
    if (healths[i]?.data?.status !== 'failing') continue
    out.push({ title: t('problemSource', { name: s.name }), next: t('problemSourceNext'), to: <Go><Link to="/dead-letters" search={{ source: s.key }}>{t('open')}</Link></Go> })
  }
  if (sums.pending > 1000) {
    out.push({ title: t('problemPending', { count: sums.pending }), next: t('problemPendingNext'), to: null })
  }
  return out
}

function Go({ children }: { children: ReactNode }) {
  return <Group gap={2} wrap="nowrap" fw={550}>{children} <IconChevronRight size={15} /></Group>
}

function Attention({ sums }: { sums: Sums }) {
  const t = useText(home)
  const findings = useFindings(sums)
  if (findings.length === 0) {
    return (
      <Group gap={8} c="var(--rp-good)">
        <IconCircleCheck size={18} />
        <Text fw={550} c="inherit">{t('healthy')}</Text>
      </Group>
    )
  }
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={20} />} title={t('attention', { count: findings.length })}>
      <Stack gap="xs">
        {findings.map((f) => (
          <Group key={f.title} justify="space-between">
            <Text><b>{f.title}.</b> {f.next}</Text>
            {f.to}
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}

const columns = ['stored', 'pending', 'deduplicated', 'dead_lettered', 'rejected'] as const
const names = { stored: 'stored', pending: 'pending', deduplicated: 'deduplicated', dead_lettered: 'deadLettered', rejected: 'rejected' } as const

function Sums({ sums }: { sums: Sums }) {
  const t = useText(home)
  const f = useFormats()
  const difference = sums.received - columns.reduce((n, c) => n + sums[c], 0)
  return (
    <section aria-labelledby="sums">
      <Group gap="sm" mb={8} align="baseline">
        <Title order={2} id="sums">{t('sumsTitle')}</Title>
        <Text size="sm" c={difference === 0 ? 'dimmed' : 'red'}>{difference === 0 ? t('sumsText') : t('sumsOff', { difference })}</Text>
      </Group>
      <div className={css.tiles}>
        <Tile name={t('received')} value={f.number(sums.received)} />
        {columns.map((c) => (
          <Tile key={c} name={t(names[c])} value={f.number(sums[c])} note={sums.received > 0 ? t('share', { share: f.percent(sums[c] / sums.received) }) : undefined} />
        ))}
      </div>
    </section>
  )
}

function Tile({ name, value, note }: { name: string; value: string; note?: string | undefined }) {
  return (
    <div className={css.tile}>
      <Text size="sm" c="dimmed">{name}</Text>
      <div className={css.value}>{value}</div>
      <Text size="xs" c="dimmed" mih={18}>{note}</Text>
    </div>
  )
}

function Rate({ samples }: { samples: readonly { at: number; perSecond: number }[] }) {
  const t = useText(home)
  const f = useFormats()
  const now = samples.at(-1)?.perSecond ?? 0
  const most = Math.max(0, ...samples.map((s) => s.perSecond))
  const round = (n: number): string => f.number(Math.round(n * 10) / 10)
  const minutes = Math.max(1, Math.round(((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 60_000))
  const summary = t('chartNow', { now: round(now), most: round(most) })
  return (
    <Card>
      <Group justify="space-between" align="baseline" mb="xs">
        <Title order={2}>{t('rate')}</Title>
        <Text className={css.value}>{round(now)}</Text>
      </Group>
      <Spark className={css.chart} points={samples.map((s) => ({ x: s.at, y: s.perSecond }))} label={`${t('chart', { minutes })}. ${summary}`} />
      <Text size="sm" c="dimmed" mt="xs">{t('chart', { minutes })}. {summary}</Text>
    </Card>
  )
}

function Sources() {
  const t = useText(home)
  const query = useQuery(sourcesQuery)
  return (
    <Card>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t('sources')}</Title>
        <Anchor component={Link} to="/sources" size="sm">{t('allSources')}</Anchor>
      </Group>
      <Async query={query} compact>
        {({ items }) => (
          <Stack gap={0}>
            {items.slice(0, 6).map((s) => <SourceLine key={s.key} source={s} />)}
          </Stack>
        )}
      </Async>
    </Card>
  )
}

function SourceLine({ source: s }: { source: Source }) {
  const f = useFormats()
  const { data } = useQuery(healthQuery(s.key, 10_000))
  return (
    <div className={css.step}>
      <Link to="/sources/$key" params={{ key: s.key }} style={{ flex: 1, fontWeight: 550, color: 'inherit' }} className="rp-ellipsis">{s.name}</Link>
      {data && (
        <>
          <Text size="sm" c="dimmed" className="rp-num"><Time at={data.last_received_at} /></Text>
          <Text className="rp-num" w={90} ta="end">{f.number(data.received)}</Text>
          <Health status={data.status} />
        </>
      )}
      {!data && <Badge color="gray">…</Badge>}
    </div>
  )
}
