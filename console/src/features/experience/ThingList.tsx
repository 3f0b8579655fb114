import { Button, Skeleton, Text } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ComponentType, ReactNode } from 'react'
import { May } from '~/features/access/May'
import type { Schema } from '~/shared/api/client'
import { StatusBadge } from '~/shared/definition/History'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { experience } from './messages'
import { listQuery, oneQuery } from './queries'
import type { Kind } from './queries'

type Summary = Schema['ModelSummary']

/** ThingList lists experiences or offers. */
export function ThingList(props: { kind: Kind; creating: boolean; icon: ComponentType<{ size?: number; stroke?: number }>; form: ReactNode; more: Column<Summary>[] }) {
  const { kind } = props
  const t = useText(experience)
  const navigate = useNavigate()
  const query = useQuery(listQuery(kind))
  const add = (on: boolean): void => void navigate({ to: `/${kind}`, search: on ? { new: true } : {} })
  const make = <May area="decisions"><Button leftSection={<IconPlus size={16} />} onClick={() => add(true)}>{t(`${kind}_add`)}</Button></May>
  const columns: Column<Summary>[] = [
    {
      key: 'name', header: t('name'), width: 'minmax(220px, 1.5fr)',
      cell: (s) => (
        <>
          <Link to={`/${kind}/$key`} params={{ key: s.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}><Name kind={kind} of={s} /></Link>
          <Text size="xs" c="dimmed"><code>{s.key}</code></Text>
        </>
      ),
    },
    ...props.more,
    { key: 'status', header: t('status'), width: '120px', cell: (s) => <StatusBadge status={s.live_version === null ? s.status : 'live'} /> },
    { key: 'changed', header: t('changed'), width: '150px', end: true, cell: (s) => <Time at={s.time} /> },
  ]
  return (
    <Page title={t(kind)} lead={t(`${kind}_lead`)} actions={query.data && query.data.items.length > 0 && make}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t(`${kind}_none`)} icon={props.icon} action={make}>{t(`${kind}_noneText`)}</Empty>}>
        {({ items }) => <DataTable label={t(kind)} rows={items} columns={columns} rowKey={(s) => s.key} rowHeight={56} open={(s) => void navigate({ to: `/${kind}/$key`, params: { key: s.key } })} />}
      </Async>
      <Sheet opened={props.creating} close={() => add(false)} title={t(`${kind}_add`)} size="44rem">{props.form}</Sheet>
    </Page>
  )
}

function Name({ kind, of: s }: { kind: Kind; of: Summary }) {
  const { data, isError } = useQuery({ ...oneQuery<{ name?: string }>(kind, s.key), staleTime: 30_000 })
  if (isError) return s.key
  return data ? data.document.name || s.key : <Skeleton height={12} width={120} display="inline-block" />
}
