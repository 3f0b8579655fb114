import { Button, Card, Group, SimpleGrid, Skeleton, Text, TextInput, UnstyledButton } from '@mantine/core'
import { IconChartPie, IconPlus, IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { SavedViews } from '~/features/access/SavedViews'
import { StatusBadge } from '~/shared/definition/History'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Spark } from '~/shared/ui/Spark'
import { Time } from '~/shared/ui/Time'
import { describe } from './builder/describe'
import { segment } from './messages'
import { documentOf, historyQuery, segmentName, segmentsQuery } from './queries'
import type { Criterion } from './queries'
import { templates } from './templates'

const route = getRouteApi('/shell/segments')

/** SegmentsScreen lists the segments with their size and how it changed. */
export function SegmentsScreen() {
  const t = useText(segment)
  const { language } = useLocale()
  const navigate = useNavigate()
  const { q = '' } = route.useSearch()
  const query = useQuery(segmentsQuery)
  const add = (
    <May area="segments"><Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ to: '/segments/new' })}>{t('add')}</Button></May>
  )
  const words = (s: Criterion): string => {
    const d = documentOf(s)
    return d?.description || (d ? describe(d.condition, language) : '')
  }
  return (
    <Page title={t('segments')} lead={t('lead')} actions={<><SavedViews screen="segments" search={{ q }} keeps={['q']} apply={(to) => void navigate({ to: '/segments', search: to, replace: true })} />{add}</>}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Templates />}>
        {({ items }) => {
          const found = items.filter((s) => `${segmentName(s)} ${s.key} ${words(s)}`.toLowerCase().includes(q.toLowerCase()))
          return (
            <>
              <TextInput
                data-filter
                mb="md"
                maw={360}
                aria-label={t('find')}
                placeholder={t('find')}
                leftSection={<IconSearch size={16} />}
                value={q}
                onChange={(e) => void navigate({ to: '/segments', search: e.currentTarget.value ? { q: e.currentTarget.value } : {}, replace: true })}
              />
              {found.length === 0 ? (
                <Empty compact icon={IconSearch} title={t('noMatch')}>{t('noMatchText')}</Empty>
              ) : (
                <DataTable
                  label={t('segments')}
                  rows={found}
                  rowKey={(s) => s.key}
                  rowHeight={60}
                  open={(s) => void navigate({ to: '/segments/$key', params: { key: s.key } })}
                  columns={[
                    {
                      key: 'name',
                      header: t('name'),
                      width: 'minmax(240px, 2fr)',
                      by: segmentName,
                      cell: (s) => (
                        <div style={{ minWidth: 0 }}>
                          <Link to="/segments/$key" params={{ key: s.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>{segmentName(s)}</Link>
                          <Text size="xs" c="dimmed" truncate title={words(s)}>{words(s)}</Text>
                        </div>
                      ),
                    },
                    { key: 'status', header: t('status'), width: '120px', cell: (s) => <StatusBadge status={s.live_version ? 'live' : s.status} /> },
                    { key: 'size', header: t('size'), width: '110px', end: true, by: (s) => s.state.size, cell: (s) => <Size of={s} /> },
                    { key: 'trend', header: t('trend'), width: '170px', end: true, cell: (s) => <Trend of={s} /> },
                    { key: 'changed', header: t('changed'), width: '140px', end: true, by: (s) => s.changes?.at(-1)?.time ?? '', cell: (s) => <Time at={s.changes?.at(-1)?.time} /> },
                  ]}
                />
              )}
            </>
          )
        }}
      </Async>
    </Page>
  )
}

function Size({ of: s }: { of: Criterion }) {
  const f = useFormats()
  if (s.state.building) return <span className="rp-num">{f.percent(s.state.progress)} …</span>
  return <span className="rp-num">{s.live_version ? f.number(s.state.size) : '–'}</span>
}

function Trend({ of: s }: { of: Criterion }) {
  const t = useText(segment)
  const f = useFormats()
  const { data } = useQuery({ ...historyQuery(s.key, 'month'), enabled: s.live_version !== null })
  if (s.live_version === null) return <Text size="xs" c="dimmed">–</Text>
  if (!data) return <Skeleton height={24} width={120} />
  const points = data.items.map((p) => ({ x: new Date(p.at).getTime(), y: p.size }))
  // The last point of the history is the day's beginning; now is what counts.
  points.push({ x: Date.now(), y: s.state.size })
  return <Spark points={points} label={t('trendText', { from: f.number(points[0]?.y ?? 0), to: f.number(s.state.size) })} style={{ width: 140, height: 30 }} />
}

function Templates() {
  const t = useText(segment)
  const navigate = useNavigate()
  return (
    <Empty title={t('emptyTitle')} icon={IconChartPie} action={<Button component={Link} to="/segments/new" leftSection={<IconPlus size={16} />}>{t('add')}</Button>}>
      <Text mb="md">{t('emptyText')}</Text>
      <SimpleGrid cols={2} spacing="sm">
        {templates.map((one) => (
          <UnstyledButton key={one.key} onClick={() => void navigate({ to: '/segments/new', search: { name: t(`template_${one.key}`), condition: one.condition } })}>
            <Card padding="sm" ta="start" h="100%">
              <Group gap={4}>
                <Text fw={600} c="var(--mantine-color-text)">{t(`template_${one.key}`)}</Text>
              </Group>
              <Text size="sm">{t(`template_${one.key}_text`)}</Text>
            </Card>
          </UnstyledButton>
        ))}
      </SimpleGrid>
    </Empty>
  )
}
