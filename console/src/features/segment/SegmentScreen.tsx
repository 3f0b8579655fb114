import { Alert, Button, Card, Group, Menu, Progress, SegmentedControl, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { IconDots } from '@tabler/icons-react'
import { Suspense, lazy, useMemo } from 'react'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { History, StatusBadge } from '~/shared/definition/History'
import { UsedBy } from '~/shared/definition/UsedBy'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Loading } from '~/shared/states/Loading'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { describe } from './builder/describe'
import { Members } from './Members'
import { segment } from './messages'
import { documentOf, historyQuery, segmentName, segmentQuery, useSegmentChange } from './queries'
import type { Criterion } from './queries'
import { historySpans, segmentTabs } from './routes'
import type { SegmentTab } from './routes'
import { useUsers } from './usedBy'

const route = getRouteApi('/shell/segments/$key')

// The builder and the chart are large, and not always looked at.
const Edit = lazy(() => import('./Edit').then((m) => ({ default: m.Edit })))
const TimeChart = lazy(() => import('~/shared/ui/TimeChart').then((m) => ({ default: m.TimeChart })))

/** SegmentScreen is one segment: how large it is, who is in it and why, and its conditions. */
export function SegmentScreen() {
  const { key } = route.useParams()
  const query = useQuery(segmentQuery(key))
  return <Async query={query}>{(s) => <One segment={s} />}</Async>
}

function One({ segment: s }: { segment: Criterion }) {
  const t = useText(segment)
  const { tab = 'overview', who } = route.useSearch()
  const navigate = useNavigate()
  const document = documentOf(s)
  const show = (to: string | null): void =>
    void navigate({ to: '/segments/$key', params: { key: s.key }, search: to === 'overview' ? {} : { tab: to as SegmentTab }, replace: true })
  return (
    <Page title={segmentName(s)} back={<BackLink to="/segments">{t('segments')}</BackLink>} badge={<StatusBadge status={s.live_version ? 'live' : s.status} />} lead={document?.description} actions={<May area="segments"><Actions segment={s} /></May>}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {segmentTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview"><Overview segment={s} /></Tabs.Panel>
        <Tabs.Panel value="members"><Members segmentKey={s.key} who={who} /></Tabs.Panel>
        <Tabs.Panel value="edit">{document && <Suspense fallback={<Loading />}><Edit key={s.version} segment={s} document={document} /></Suspense>}</Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={document} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/segments/${encodeURIComponent(s.key)}`} invalidate={['segments']} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Actions({ segment: s }: { segment: Criterion }) {
  const t = useText(segment)
  const toasts = useToasts()
  const set = useSegmentChange((v: { status: 'live' | 'archived'; version: number }) => ask(api.POST('/api/v1/segments/{key}/status', { params: { path: { key: s.key } }, body: v })))
  const putLive = (): void => set.mutate({ status: 'live', version: s.version }, { onSuccess: () => toasts.done(t('savedLive')), onError: toasts.failed })
  const archive = (): void => {
    const version = s.live_version
    if (version === null) return
    set.mutate({ status: 'archived', version }, { onSuccess: () => toasts.done(t('archived', { name: segmentName(s) }), () => set.mutateAsync({ status: 'live', version })), onError: toasts.failed })
  }
  return (
    <>
      {s.status !== 'live' && <Button loading={set.isPending} onClick={putLive}>{t('putLive')}</Button>}
      {s.live_version !== null && (
        <Menu position="bottom-end">
          <Menu.Target><Button variant="default" px="xs" aria-label={t('archive')}><IconDots size={16} /></Button></Menu.Target>
          <Menu.Dropdown><Menu.Item onClick={archive}>{t('archive')}</Menu.Item></Menu.Dropdown>
        </Menu>
      )}
    </>
  )
}

function Standing({ segment: s }: { segment: Criterion }) {
  const t = useText(segment)
  const f = useFormats()
  if (s.state.building)
    return (
      <Alert color="blue" title={t('building')} role="status">
        <Text size="sm" mb="xs">{t('buildingText', { version: s.state.building, share: f.percent(s.state.progress) })}</Text>
        <Progress value={100 * s.state.progress} aria-label={t('building')} animated />
      </Alert>
    )
  if (s.live_version === null) return <Alert color={s.status === 'archived' ? 'gray' : 'yellow'}>{t(s.status === 'archived' ? 'isArchived' : 'isDraft')}</Alert>
  if (s.live_version !== s.version) return <Alert color="yellow">{t('newerDraft', { version: s.version, live: s.live_version })}</Alert>
  return null
}

function Overview({ segment: s }: { segment: Criterion }) {
  const t = useText(segment)
  const f = useFormats()
  const { language } = useLocale()
  const users = useUsers(s.key)
  const document = documentOf(s)
  return (
    <Stack gap="lg">
      <Standing segment={s} />
      <Card padding="md">
        <Group align="flex-end" gap="sm" mb="xs">
          <Text fz={32} fw={650} lh={1.1} className="rp-num" data-size>{s.live_version === null ? '–' : f.number(s.state.size)}</Text>
          <Text c="dimmed" pb={2}>{t('peopleIn', { count: s.state.size })}</Text>
        </Group>
        {document && <Text className="rp-break"><Text span fw={600}>{t('inWords')}: </Text>{describe(document.condition, language)}</Text>}
        {s.state.since && <Text size="sm" c="dimmed" mt="xs">{t('since', { version: s.state.version, time: f.time(s.state.since) })}</Text>}
      </Card>
      {s.live_version !== null && <Sizes segment={s} />}
      <UsedBy users={users} />
    </Stack>
  )
}

function Sizes({ segment: s }: { segment: Criterion }) {
  const t = useText(segment)
  const f = useFormats()
  const navigate = useNavigate()
  const { span = 'week', table = false } = route.useSearch()
  const query = useQuery(historyQuery(s.key, span))
  const show = (to: { span?: typeof span; table?: boolean }): void =>
    void navigate({ to: '/segments/$key', params: { key: s.key }, search: { ...((to.span ?? span) === 'week' ? {} : { span: to.span ?? span }), ...((to.table ?? table) ? { table: true as const } : {}) }, replace: true })
  const points = useMemo(() => {
    const all = (query.data?.items ?? []).map((p) => ({ at: p.at, y: p.size, more: [p.entered, p.left] }))
    return all.length ? [...all, { at: new Date().toISOString(), y: s.state.size, more: [0, 0] }] : all
  }, [query.data, s.state.size])
  const sum = (i: number): number => points.reduce((n, p) => n + (p.more[i] ?? 0), 0)
  return (
    <Card padding="md" component="section">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h3">{t('howLarge')}</Title>
        <SegmentedControl size="xs" aria-label={t('span')} value={span} onChange={(v) => show({ span: v as typeof span })} data={historySpans.map((v) => ({ value: v, label: t(`span_${v}`) }))} />
      </Group>
      <Async query={query}>
        {() => (
          <Suspense fallback={<Loading />}>
          <TimeChart
            label={t('chart')}
            summary={t('chartSummary', { from: f.number(points[0]?.y ?? 0), to: f.number(points.at(-1)?.y ?? 0), entered: f.number(sum(0)), left: f.number(sum(1)) })}
            value={t('size')}
            time={t('time')}
            columns={[t('entered'), t('left')]}
            points={points}
            table={table}
            onTable={(on) => show({ table: on })}
          />
          </Suspense>
        )}
      </Async>
    </Card>
  )
}
