import { Button, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { IconFilterOff, IconFlask, IconRefresh, IconSend } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import type { Formats } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { Delivery } from './Delivery'
import { destination, worded } from './messages'
import type { DestinationText } from './messages'
import { deliveriesQuery, useDestinationChange } from './queries'
import type { Destination } from './queries'
import { outcomes } from './routes'
import type { DestinationSearch, Outcome } from './routes'
import { OutcomeBadge } from './StateBadge'

const route = getRouteApi('/shell/destinations/$key')

type Head = Schema['DeliveryHead']

/** Deliveries is the log: what was sent and what was not, with request and answer. */
export function Deliveries({ destination: d, test }: { destination: Destination; test: () => void }) {
  const t = useText(destination)
  const c = useText(common)
  const f = useFormats()
  const navigate = useNavigate()
  const search = route.useSearch()
  const { outcome, delivery } = search
  const set = (change: DestinationSearch): void => void navigate({ to: '/destinations/$key', params: { key: d.key }, search: change, replace: true })
  const log = useInfiniteQuery(deliveriesQuery(d.key, outcome))
  const counts = d.state.counts as Record<string, number>
  const named = (o: Outcome): string => (counts[o] ? `${t(`outcome_${o}`)} ${f.compact(counts[o])}` : t(`outcome_${o}`))
  const none = outcome ? (
    <Empty title={t(outcome === 'dead' ? 'noneOfDead' : 'noneOf')} icon={IconFilterOff} {...(outcome === 'dead' ? { tone: 'green' as const } : {})} />
  ) : (
    <Empty title={t('noneTitle')} icon={IconSend} action={<Button leftSection={<IconFlask size={16} />} onClick={test}>{t('test')}</Button>}>{t('noneText')}</Empty>
  )
  return (
    <Stack>
      <Group justify="space-between" data-filter>
        <SegmentedControl aria-label={t('outcome')} value={outcome ?? 'all'} onChange={(v) => set(v === 'all' ? {} : { outcome: v as Outcome })} data={[{ value: 'all', label: c('all') }, ...outcomes.map((o) => ({ value: o, label: named(o) }))]} />
        {outcome === 'dead' && (log.data?.pages[0]?.items.length ?? 0) > 0 && <AllDead destination={d} />}
      </Group>
      <Async query={log} isEmpty={(l) => l.pages[0]?.items.length === 0} empty={none}>
        {({ pages }) => (
          <DataTable
            label={t('tab_deliveries')}
            rows={pages.flatMap((p) => p.items)}
            columns={columns(t, f)}
            rowKey={(r) => r.id}
            open={(r) => set({ ...(outcome ? { outcome } : {}), delivery: r.id })}
            more={log.hasNextPage ? { load: () => void log.fetchNextPage(), loading: log.isFetchingNextPage } : undefined}
          />
        )}
      </Async>
      {delivery && <Delivery destination={d.key} id={delivery} close={() => set(outcome ? { outcome } : {})} />}
    </Stack>
  )
}

function columns(t: DestinationText, f: Formats): Column<Head>[] {
  return [
    { key: 'outcome', header: t('outcome'), width: '150px', cell: (r) => <OutcomeBadge outcome={r.outcome} /> },
    { key: 'about', header: t('about'), width: 'minmax(170px, 1fr)', cell: (r) => `${worded(t, 'kind', r.kind)}${r.segment ? ` · ${r.segment}` : ''}` },
    { key: 'reason', header: t('reason'), width: 'minmax(200px, 1.4fr)', cell: (r) => <span title={r.reason}>{r.reason ? worded(t, 'reason', r.reason) : ''}</span> },
    { key: 'status', header: t('status'), width: '90px', end: true, cell: (r) => <span className="rp-num">{r.status || ''}</span> },
    { key: 'took', header: t('took'), width: '100px', end: true, cell: (r) => <span className="rp-num">{r.took_us ? f.span(r.took_us / 1000) : ''}</span> },
    { key: 'time', header: t('time'), width: '150px', end: true, cell: (r) => <Time at={r.changed} /> },
  ]
}

/** AllDead deals with all dead letters of the destination at once. */
function AllDead({ destination: d }: { destination: Destination }) {
  const t = useText(destination)
  const c = useText(common)
  const toasts = useToasts()
  const [asking, setAsking] = useState(false)
  const params = { path: { key: d.key } }
  const replay = useDestinationChange(() => ask(api.POST('/api/v1/destinations/{key}/dead-letters/replay', { params })))
  const discard = useDestinationChange(() => ask(api.POST('/api/v1/destinations/{key}/dead-letters/discard', { params })))
  return (
    <Group gap="xs">
      <Button variant="default" leftSection={<IconRefresh size={16} />} loading={replay.isPending} onClick={() => replay.mutate(undefined, { onSuccess: (r) => toasts.done(t('replayedAll', { count: r.messages })), onError: toasts.failed })}>{t('replayAll')}</Button>
      <Button variant="subtle" color="red" onClick={() => setAsking(true)}>{t('giveUpAll')}</Button>
      <Dialog opened={asking} close={() => setAsking(false)} title={t('giveUpAll')}>
        <Stack>
          <Text>{t('giveUpAllText')}</Text>
          <Group justify="flex-end">
            <Button variant="default" data-autofocus onClick={() => setAsking(false)}>{c('cancel')}</Button>
            <Button color="red" loading={discard.isPending} onClick={() => discard.mutate(undefined, { onSuccess: (r) => { setAsking(false); toasts.done(t('gaveUpAll', { count: r.messages })) }, onError: toasts.failed })}>{t('giveUpAll')}</Button>
          </Group>
        </Stack>
      </Dialog>
    </Group>
  )
}
