import { Button, SegmentedControl, Skeleton, Text } from '@mantine/core'
import { IconFlask2, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { NewExperiment } from './NewExperiment'
import { experiment } from './messages'
import type { ExperimentText } from './messages'
import { experimentsQuery, resultsQuery } from './queries'
import type { Summary } from './queries'
import { states } from './routes'
import type { State } from './routes'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/experiments')

/** ExperimentsScreen lists experiments, with what came of each. */
export function ExperimentsScreen() {
  const t = useText(experiment)
  const c = useText(common)
  const navigate = useNavigate()
  const { new: creating, state } = route.useSearch()
  const query = useQuery(experimentsQuery(state))
  const add = (on: boolean): void => void navigate({ to: '/experiments', search: { ...(state ? { state } : {}), ...(on ? { new: true } : {}) } })
  const make = <May area="experiments"><Button leftSection={<IconPlus size={16} />} onClick={() => add(true)}>{t('add')}</Button></May>
  const filtered = state !== undefined
  const nothing = filtered ? <Empty title={t('noneOf', { state: t(`state_${state}`) })} icon={IconFlask2} /> : <Empty title={t('emptyTitle')} icon={IconFlask2} action={make}>{t('emptyText')}</Empty>
  return (
    <Page title={t('experiments')} lead={t('lead')} actions={(filtered || (query.data && query.data.items.length > 0)) && make}>
      {(filtered || (query.data && query.data.items.length > 0)) && (
        <SegmentedControl
          mb="md"
          aria-label={t('state')}
          data={[{ value: 'all', label: c('all') }, ...states.map((s) => ({ value: s, label: t(`state_${s}`) }))]}
          value={state ?? 'all'}
          onChange={(to) => void navigate({ to: '/experiments', search: to === 'all' ? {} : { state: to as State }, replace: true })}
        />
      )}
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={nothing}>
        {({ items }) => (
          <DataTable label={t('experiments')} rows={items} columns={columns(t)} rowKey={(e) => e.key} rowHeight={60} open={(e) => void navigate({ to: '/experiments/$key', params: { key: e.key } })} />
        )}
      </Async>
      <Sheet opened={creating === true} close={() => add(false)} title={t('add')} size="46rem">
        <NewExperiment close={() => add(false)} />
      </Sheet>
    </Page>
  )
}

function columns(t: ExperimentText): Column<Summary>[] {
  return [
    {
      key: 'name',
      header: t('name'),
      width: 'minmax(200px, 1.2fr)',
      by: (e) => e.name,
      cell: (e) => (
        <>
          <Link to="/experiments/$key" params={{ key: e.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>{e.name}</Link>
          <Text size="xs" c="dimmed" truncate>{e.variants.join(' · ')}</Text>
        </>
      ),
    },
    { key: 'state', header: t('state'), width: '120px', by: (e) => e.state, cell: (e) => <StateBadge state={e.state} /> },
    { key: 'verdict', header: t('verdict'), width: 'minmax(240px, 2fr)', cell: (e) => <Verdict of={e} /> },
    { key: 'people', header: t('people'), width: '110px', end: true, cell: (e) => <People of={e} /> },
    { key: 'changed', header: t('changed'), width: '130px', end: true, by: (e) => e.changed, cell: (e) => <Time at={e.changed} /> },
  ]
}

function Verdict({ of: e }: { of: Summary }) {
  const t = useText(experiment)
  const { data, isError } = useQuery({ ...resultsQuery(e.key, 15_000), enabled: e.state !== 'draft' })
  if (e.conclusion) return <Text size="sm" truncate title={e.conclusion.text}>{e.conclusion.text}</Text>
  if (e.state === 'draft') return <Text size="sm" c="dimmed">{t('notStarted')}</Text>
  if (isError) return '–'
  if (!data) return <Skeleton height={12} width={160} display="inline-block" />
  return <Text size="sm" truncate title={data.verdict}>{t(`decision_${data.decision}`)}</Text>
}

function People({ of: e }: { of: Summary }) {
  const f = useFormats()
  const { data } = useQuery({ ...resultsQuery(e.key, 15_000), enabled: e.state !== 'draft' })
  return data ? f.number(data.people) : '–'
}
