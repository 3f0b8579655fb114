import { Badge, Button, Group, Select } from '@mantine/core'
import { IconCircleCheck, IconFilterOff, IconRefresh } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { SavedViews } from '~/features/access/SavedViews'
import { sourcesQuery } from '~/features/source/queries'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import type { Text } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { Letter } from './Letter'
import { event } from './messages'
import type { LetterSearch } from './routes'

const route = getRouteApi('/shell/dead-letters')

type View = Schema['DeadLetterView']
type T = Text<keyof (typeof event)['en']>

/** DeadLettersScreen lists what was not understood, and mends it. */
export function DeadLettersScreen() {
  const t = useText(event)
  const navigate = useNavigate()
  const search = route.useSearch()
  const set = (change: LetterSearch): void => {
    const next: LetterSearch = Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, v]) => v))
    void navigate({ to: '/dead-letters', search: next, replace: true })
  }
  return (
    <Page title={t('letters')} lead={t('lettersLead')} actions={<><SavedViews screen="dead-letters" search={{ reason: search.reason, source: search.source }} keeps={['reason', 'source']} apply={(to) => void navigate({ to: '/dead-letters', search: to, replace: true })} /><May area="accounting"><ReplayAll reason={search.reason} source={search.source} /></May></>}>
      <Filters reason={search.reason} source={search.source} set={set} />
      <List reason={search.reason} source={search.source} set={set} />
      {search.letter && <Letter id={search.letter} close={() => set({ letter: '' })} />}
    </Page>
  )
}

interface Filter {
  reason: string | undefined
  source: string | undefined
}

function Filters({ reason, source, set }: Filter & { set: (change: LetterSearch) => void }) {
  const t = useText(event)
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const reasons = Object.keys(useQuery({ queryKey: ['accounting', 'reasons'], queryFn: ({ signal }) => ask(api.GET('/api/v1/accounting', { signal })) }).data?.reasons ?? {})
  return (
    <Group mb="md" data-filter>
      <Select aria-label={t('reason')} placeholder={t('everyReason')} clearable value={reason ?? null} data={[...new Set([...reasons, ...(reason ? [reason] : [])])]} onChange={(v) => set({ reason: v ?? '' })} w={220} />
      <Select aria-label={t('source')} placeholder={t('everySource')} clearable value={source ?? null} data={sources.map((s) => ({ value: s.key, label: s.name }))} onChange={(v) => set({ source: v ?? '' })} w={220} />
    </Group>
  )
}

function useLetters({ reason, source }: Filter) {
  return useInfiniteQuery({
    queryKey: ['dead-letters', { reason, source }],
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET('/api/v1/dead-letters', { params: { query: { limit: 200, ...(reason ? { reason } : {}), ...(source ? { source } : {}), ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  })
}

function List({ reason, source, set }: Filter & { set: (change: LetterSearch) => void }) {
  const t = useText(event)
  const letters = useLetters({ reason, source })
  if (letters.error && !letters.data) return <ProblemState error={letters.error} retry={() => void letters.refetch()} />
  if (!letters.data) return <Loading />
  const rows = letters.data.pages.flatMap((p) => p.items)
  if (rows.length === 0 && (reason || source)) {
    return (
      <Empty title={t('noneFiltered')} icon={IconFilterOff} action={<Button variant="default" onClick={() => set({ reason: '', source: '' })}>{t('clear')}</Button>}>
        {t('noneFilteredText')}
      </Empty>
    )
  }
  if (rows.length === 0) return <Empty title={t('noneTitle')} icon={IconCircleCheck} tone="green">{t('noneText')}</Empty>
  return (
    <DataTable
      label={t('letters')}
      rows={rows}
      columns={columns(t)}
      rowKey={(r) => r.id}
      open={(r) => set({ letter: r.id })}
      more={letters.hasNextPage ? { load: () => void letters.fetchNextPage(), loading: letters.isFetchingNextPage } : undefined}
    />
  )
}

function columns(t: T): Column<View>[] {
  return [
    { key: 'reason', header: t('reason'), width: '190px', cell: (r) => <Badge color="red">{r.reason}</Badge> },
    { key: 'message', header: t('message'), width: 'minmax(320px, 1fr)', cell: (r) => <span title={r.message}>{r.message}</span> },
    { key: 'source', header: t('source'), width: '130px', cell: (r) => r.source },
    { key: 'dialect', header: t('dialect'), width: '110px', cell: (r) => r.dialect },
    { key: 'received', header: t('received'), width: '150px', end: true, cell: (r) => <Time at={r.received_at} /> },
  ]
}

/** ReplayAll reads every dead letter that the filter lets pass again, page by page. */
function ReplayAll({ reason, source }: Filter) {
  const t = useText(event)
  const toasts = useToasts()
  const queries = useQueryClient()
  const replay = useMutation({
    mutationFn: async () => {
      let [count, failed, cursor]: [number, number, string | null] = [0, 0, '']
      while (cursor !== null) {
        const body: Schema['BulkReplay'] = { limit: 500, ...(reason ? { reason } : {}), ...(source ? { source } : {}), ...(cursor ? { cursor } : {}) }
        const page: Schema['BulkReplayed'] = await ask(api.POST('/api/v1/dead-letters/replay', { params: { query: { wait: 'applied' } }, body }))
        count += page.replayed
        failed += page.failed.length
        cursor = page.next
      }
      return { count, failed }
    },
    onSuccess: (sums) => toasts.done(t('replayedMany', sums)),
    onError: toasts.failed,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['dead-letters'] }), queries.invalidateQueries({ queryKey: ['accounting'] })]),
  })
  if (!useLetters({ reason, source }).data?.pages[0]?.items.length && !replay.isPending) return null // nothing is shown
  return (
    <Button variant="default" leftSection={<IconRefresh size={16} />} loading={replay.isPending} onClick={() => replay.mutate()}>
      {t('replayAll')}
    </Button>
  )
}
