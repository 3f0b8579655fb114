import { Badge, Card, Collapse, Group, Select, Stack, Switch, Text, TextInput, UnstyledButton } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { Fragment, useState } from 'react'
import { Button } from '@mantine/core'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Empty } from '~/shared/states/Empty'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { Json } from '~/shared/ui/Code'
import { page } from './pageMessages'
import type { ProfileSearch } from './routes'

const route = getRouteApi('/shell/people/$ref')
const types = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const

/** Timeline is what the person did, by day. */
export function Timeline({ refer }: { refer: string }) {
  const t = useText(page)
  const c = useText(common)
  const f = useFormats()
  const search = route.useSearch()
  const navigate = useNavigate()
  const set = (change: ProfileSearch): void =>
    void navigate({ to: '/people/$ref', params: { ref: refer }, search: Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, v]) => v)), replace: true })
  const type = types.find((x) => x === search.type)
  const items = useInfiniteQuery({
    queryKey: ['profiles', refer, 'timeline', type, search.name, search.order],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET('/api/v1/profiles/{ref}/timeline', {
          params: { path: { ref: refer }, query: { limit: 100, ...(type ? { type: [type] } : {}), ...(search.name ? { name: [search.name] } : {}), ...(search.order ? { order: search.order } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  })
  const rows = items.data?.pages.flatMap((p) => p.items) ?? []
  return (
    <Stack gap="md">
      <Group>
        <Select aria-label={t('everyType')} placeholder={t('everyType')} clearable w={160} value={type ?? null} data={[...types]} onChange={(v) => set({ type: v ?? '' })} />
        <TextInput data-filter aria-label={t('name')} placeholder={t('name')} w={240} defaultValue={search.name ?? ''} onBlur={(e) => set({ name: e.currentTarget.value })} onKeyDown={(e) => e.key === 'Enter' && set({ name: e.currentTarget.value })} />
        <Switch label={t('oldest')} checked={search.order === 'asc'} onChange={(e) => set({ order: e.currentTarget.checked ? 'asc' : ('' as never) })} />
      </Group>
      {items.error && !items.data ? <ProblemState error={items.error} retry={() => void items.refetch()} /> : !items.data ? <Loading /> : rows.length === 0 ? <Empty title={t('noEvents')} icon={IconHistory}>{t('noEventsText')}</Empty> : (
        <Card padding={0}>
          {rows.map((item, i) => {
            const day = f.date(item.time)
            const before = rows[i - 1]
            return (
              <Fragment key={item.message_id}>
                {(!before || f.date(before.time) !== day) && <Text size="sm" fw={600} px="md" pt="md" pb={6}>{day}</Text>}
                <Line item={item} />
              </Fragment>
            )
          })}
        </Card>
      )}
      {items.hasNextPage && <Button variant="subtle" loading={items.isFetchingNextPage} onClick={() => void items.fetchNextPage()}>{c('more')}</Button>}
    </Stack>
  )
}

function Line({ item }: { item: Schema['Item'] }) {
  const t = useText(page)
  const f = useFormats()
  const [open, setOpen] = useState(false)
  return (
    <div style={{ borderTop: '1px solid var(--rp-line)' }}>
      <UnstyledButton data-row w="100%" px="md" py={9} onClick={() => setOpen(!open)} aria-expanded={open}>
        <Group gap="md" wrap="nowrap">
          <Text size="sm" c="dimmed" className="rp-num" w={96}>{f.clock(item.time).slice(0, 8)}</Text>
          <Badge color="gray" w={74} style={{ flex: 'none' }}>{item.type}</Badge>
          <Text fw={550} className="rp-ellipsis" flex={1}>{item.name || item.type}</Text>
          {item.item_action && <Badge visibleFrom="sm">{item.item_action}</Badge>}
          <Text size="sm" c="dimmed" visibleFrom="sm">{item.channel}</Text>
          <Text size="sm" c="dimmed" w={100} className="rp-ellipsis" visibleFrom="sm">{item.source}</Text>
        </Group>
      </UnstyledButton>
      <Collapse expanded={open}>
        {open && <div style={{ padding: '0 16px 16px' }}><Json value={{ properties: item.properties, ...(item.traits ? { traits: item.traits } : {}), context: item.context, message_id: item.message_id, received_at: item.received_at }} label={item.name || t('events')} height={360} /></div>}
      </Collapse>
    </div>
  )
}
