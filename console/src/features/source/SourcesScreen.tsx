import { Button, Skeleton } from '@mantine/core'
import { IconPlugConnected, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { Health } from './Health'
import { source } from './messages'
import type { SourceText } from './messages'
import { NewSource } from './NewSource'
import { healthQuery, sourcesQuery } from './queries'
import type { Source } from './queries'

const route = getRouteApi('/shell/sources')

/** SourcesScreen lists what sends events, and how each does. */
export function SourcesScreen() {
  const t = useText(source)
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const query = useQuery(sourcesQuery)
  const add = (on: boolean): void => void navigate({ to: '/sources', search: on ? { new: true } : {} })
  return (
    <Page
      title={t('sources')}
      lead={t('lead')}
      actions={
        <May area="sources" scope="admin"><Button leftSection={<IconPlus size={16} />} onClick={() => add(true)}>{t('add')}</Button></May>
      }
    >
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('emptyTitle')} icon={IconPlugConnected} action={<May area="sources" scope="admin"><Button onClick={() => add(true)}>{t('add')}</Button></May>}>{t('emptyText')}</Empty>}>
        {({ items }) => (
          <DataTable label={t('sources')} rows={items} columns={columns(t)} rowKey={(s) => s.key} open={(s) => void navigate({ to: '/sources/$key', params: { key: s.key } })} />
        )}
      </Async>
      <NewSource opened={creating === true} close={() => add(false)} />
    </Page>
  )
}

function columns(t: SourceText): Column<Source>[] {
  return [
    {
      key: 'name',
      header: t('name'),
      width: 'minmax(180px, 1.5fr)',
      by: (s) => s.name,
      cell: (s) => (
        <Link to="/sources/$key" params={{ key: s.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>
          {s.name}
        </Link>
      ),
    },
    { key: 'key', header: t('key'), width: 'minmax(120px, 1fr)', by: (s) => s.key, cell: (s) => <code>{s.key}</code> },
    { key: 'kind', header: t('kind'), width: '110px', cell: (s) => kindOf(t, s.kind) },
    { key: 'status', header: t('status'), width: '130px', cell: (s) => <Of source={s} show="status" /> },
    { key: 'received', header: t('received'), width: '110px', end: true, cell: (s) => <Of source={s} show="received" /> },
    { key: 'last', header: t('lastEvent'), width: '150px', end: true, cell: (s) => <Of source={s} show="last" /> },
  ]
}

/** kindOf says what a source is; a kind that is new to the console stays as it is. */
export function kindOf(t: SourceText, kind: string): string {
  const key = `kind_${kind}`
  return key in source.en ? t(key as 'kind_web') : kind
}

function Of({ source: s, show }: { source: Source; show: 'status' | 'received' | 'last' }) {
  const f = useFormats()
  const { data, isError } = useQuery(healthQuery(s.key, 10_000))
  if (isError) return '–'
  if (!data) return <Skeleton height={12} width={64} display="inline-block" />
  if (show === 'status') return <Health status={data.status} />
  return show === 'received' ? f.number(data.received) : <Time at={data.last_received_at} />
}
