import { Badge, Group, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconHistory } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { settings } from './settingsMessages'
import type { AuditSearch } from './settingsRoutes'

const route = getRouteApi('/shell/audit')
const filters = ['actor', 'operation', 'about'] as const

/** AuditScreen lists who changed what and who saw what is personal, newest first. */
export function AuditScreen() {
  const t = useText(settings)
  const search = route.useSearch()
  const navigate = useNavigate()
  const [typed, setTyped] = useState<AuditSearch>(search)
  const [wanted] = useDebouncedValue(typed, 300)
  const kept = JSON.stringify(search)
  useEffect(() => {
    const next = Object.fromEntries(filters.flatMap((k) => (wanted[k]?.trim() ? [[k, wanted[k]?.trim() ?? '']] : []))) as AuditSearch
    if (JSON.stringify(next) !== kept) void navigate({ to: '/audit', search: next, replace: true })
  }, [wanted, kept, navigate])
  const log = useInfiniteQuery({
    queryKey: ['audit', search],
    queryFn: ({ pageParam, signal }) => ask(api.GET('/api/v1/audit', { params: { query: { limit: 100, ...search, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  })
  const members = useQuery({ queryKey: ['members'], queryFn: ({ signal }) => ask(api.GET('/api/v1/members', { params: { query: { limit: 500 } }, signal })), retry: false })
  const nameOf = (actor: string): string => members.data?.items?.find((m) => m.id === actor)?.name ?? actor
  const rows = log.data?.pages.flatMap((p) => p.items ?? [])
  return (
    <Page title={t('audit')} lead={t('auditLead')}>
      <Group mb="md" gap="sm">
        {filters.map((k, i) => (
          <TextInput key={k} {...(i === 0 ? { 'data-filter': true } : {})} w={270} label={t(`filter_${k}`)} placeholder={t(`filterHint_${k}`)} value={typed[k] ?? ''} onChange={(e) => { const to = e.currentTarget.value; setTyped((was) => ({ ...was, [k]: to })) }} />
        ))}
      </Group>
      {log.error && !rows ? <ProblemState error={log.error} retry={() => void log.refetch()} /> : !rows ? <Loading /> : rows.length === 0 ? <Empty title={t('noEntries')} icon={IconHistory}>{t('noEntriesText')}</Empty> : (
        <DataTable
          label={t('audit')}
          rows={rows}
          rowKey={(e) => `${e.at} ${e.request_id ?? ''} ${e.operation}`}
          rowHeight={52}
          more={log.hasNextPage ? { load: () => void log.fetchNextPage(), loading: log.isFetchingNextPage } : undefined}
          columns={[
            { key: 'at', header: t('when'), width: '170px', cell: (e) => <Time at={e.at} exact /> },
            { key: 'actor', header: t('filter_actor'), width: 'minmax(140px, 1fr)', cell: (e) => nameOf(e.actor) },
            { key: 'operation', header: t('filter_operation'), width: 'minmax(200px, 1.4fr)', cell: (e) => <><code>{e.operation}</code>{(e.status ?? 0) >= 400 && <Badge ms="xs" color="red">{e.status}</Badge>}</> },
            { key: 'target', header: t('target'), width: 'minmax(160px, 1.2fr)', cell: (e) => <Text size="sm" truncate title={e.target ?? ''}>{e.target ?? '–'}</Text> },
            { key: 'reason', header: t('reason'), width: 'minmax(140px, 1.2fr)', cell: (e) => (e.reason ? <Text size="sm" truncate title={e.reason}>{e.reason}</Text> : '–') },
          ]}
        />
      )}
    </Page>
  )
}
