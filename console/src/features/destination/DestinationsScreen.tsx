import { Button, Group } from '@mantine/core'
import { IconArrowsShuffle, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { useFormats, useText } from '~/shared/i18n'
import type { Formats } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { anyKind, kindIcons } from './kindIcons'
import { destination } from './messages'
import type { DestinationText } from './messages'
import { NewDestination } from './NewDestination'
import { destinationName, destinationsQuery, typesQuery } from './queries'
import type { Destination } from './queries'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/destinations')

/** DestinationsScreen lists who outside is told what, and how that goes. */
export function DestinationsScreen() {
  const t = useText(destination)
  const f = useFormats()
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const query = useQuery(destinationsQuery)
  const types = useQuery(typesQuery).data?.items ?? []
  const kind = (of: Destination): string => types.find((x) => x.name === of.type)?.title ?? of.type
  const add = (to: string | true | undefined): void => void navigate({ to: '/destinations', search: to === undefined ? {} : { new: to } })
  const connect = <May area="destinations"><Button leftSection={<IconPlus size={16} />} onClick={() => add(true)}>{t('add')}</Button></May>
  return (
    <Page title={t('destinations')} lead={t('lead')} actions={(query.data?.items.length ?? 0) > 0 && connect}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('emptyTitle')} icon={IconArrowsShuffle} action={connect}>{t('emptyText')}</Empty>}>
        {({ items }) => <DataTable label={t('destinations')} rows={items} columns={columns(t, f, kind)} rowKey={(d) => d.key} open={(d) => void navigate({ to: '/destinations/$key', params: { key: d.key } })} />}
      </Async>
      <Sheet opened={creating !== undefined} close={() => add(undefined)} title={t('add')} size="46rem">
        <NewDestination kind={creating === true ? undefined : creating} choose={(k) => add(k ?? true)} close={() => add(undefined)} />
      </Sheet>
    </Page>
  )
}

function columns(t: DestinationText, f: Formats, kind: (of: Destination) => string): Column<Destination>[] {
  const count = (d: Destination, of: string): string => f.number((d.state.counts as Record<string, number>)[of] ?? 0)
  return [
    { key: 'name', header: t('name'), width: 'minmax(180px, 1.6fr)', cell: (d) => <Name of={d} /> },
    { key: 'kind', header: t('kind'), width: 'minmax(130px, 1fr)', cell: kind },
    { key: 'state', header: t('state'), width: '130px', by: (d) => d.state.state, cell: (d) => <StateBadge state={d.state.state} /> },
    { key: 'delivered', header: t('delivered'), width: '110px', end: true, cell: (d) => <span className="rp-num">{count(d, 'delivered')}</span> },
    { key: 'waiting', header: t('waiting'), width: '100px', end: true, by: (d) => d.state.waiting, cell: (d) => <span className="rp-num">{f.number(d.state.waiting)}</span> },
    {
      key: 'dead',
      header: t('dead'),
      width: '130px',
      end: true,
      cell: (d) => ((d.state.counts as Record<string, number>).dead ? <Link to="/destinations/$key" params={{ key: d.key }} search={{ outcome: 'dead' }}>{count(d, 'dead')}</Link> : <span className="rp-num">0</span>),
    },
  ]
}

function Name({ of: d }: { of: Destination }) {
  const Icon = kindIcons[d.type] ?? anyKind
  return (
    <Group gap="xs" wrap="nowrap">
      <Icon size={18} stroke={1.6} aria-hidden />
      <Link to="/destinations/$key" params={{ key: d.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }} className="rp-ellipsis">{destinationName(d)}</Link>
    </Group>
  )
}
