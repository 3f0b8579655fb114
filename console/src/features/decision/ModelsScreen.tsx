import { Button, Skeleton, Text } from '@mantine/core'
import { IconBinaryTree2, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import type { Schema } from '~/shared/api/client'
import { StatusBadge } from '~/shared/definition/History'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { decision } from './messages'
import type { DecisionText } from './messages'
import { NewModel } from './NewModel'
import { modelQuery, modelsQuery } from './queries'

const route = getRouteApi('/shell/decisions')

type Summary = Schema['ModelSummary']

/** ModelsScreen lists the decision models. */
export function ModelsScreen() {
  const t = useText(decision)
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const query = useQuery(modelsQuery)
  const add = (on: boolean): void => void navigate({ to: '/decisions', search: on ? { new: true } : {} })
  const make = <May area="decisions"><Button leftSection={<IconPlus size={16} />} onClick={() => add(true)}>{t('add')}</Button></May>
  return (
    <Page title={t('models')} lead={t('lead')} actions={query.data && query.data.items.length > 0 && make}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('emptyTitle')} icon={IconBinaryTree2} action={make}>{t('emptyText')}</Empty>}>
        {({ items }) => (
          <DataTable label={t('models')} rows={items} columns={columns(t)} rowKey={(m) => m.key} rowHeight={56} open={(m) => void navigate({ to: '/decisions/$key', params: { key: m.key } })} />
        )}
      </Async>
      <NewModel opened={creating === true} close={() => add(false)} />
    </Page>
  )
}

function columns(t: DecisionText): Column<Summary>[] {
  return [
    {
      key: 'name',
      header: t('name'),
      width: 'minmax(220px, 1.5fr)',
      cell: (m) => (
        <>
          <Link to="/decisions/$key" params={{ key: m.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}><Of model={m} show="name" /></Link>
          <Text size="xs" c="dimmed"><code>{m.key}</code></Text>
        </>
      ),
    },
    { key: 'answers', header: t('answers'), width: 'minmax(200px, 1.5fr)', cell: (m) => <Of model={m} show="answers" /> },
    { key: 'status', header: t('status'), width: '200px', cell: (m) => <Standing model={m} /> },
    { key: 'changed', header: t('changed'), width: '150px', end: true, cell: (m) => <Time at={m.time} /> },
  ]
}

function Of({ model, show }: { model: Summary; show: 'name' | 'answers' }) {
  const { data, isError } = useQuery({ ...modelQuery(model.key), staleTime: 60_000 })
  if (isError) return show === 'name' ? model.key : '–'
  if (!data) return <Skeleton height={12} width={120} display="inline-block" />
  return show === 'name' ? data.name || model.key : (data.decisions ?? []).map((d) => d.name).join(', ')
}

/** Standing says which version runs, and whether a newer one waits. */
export function Standing({ model: m }: { model: { live_version: number | null; version: number; status: string } }) {
  const t = useText(decision)
  if (m.live_version === null) return <StatusBadge status={m.status} />
  return (
    <>
      <StatusBadge status="live" />{' '}
      {m.live_version !== m.version && <Text span size="xs" c="dimmed">{t('newerWaits', { version: m.version })}</Text>}
    </>
  )
}
