import { Card, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { useToasts } from '~/shared/ui/undo'
import { experience } from './messages'
import { OfferForm } from './OfferForm'
import { inventoryOf, oneQuery, save, useThingChange } from './queries'
import type { Offer, Stored } from './queries'
import { Shown } from './Shown'
import { Thing } from './Thing'

const route = getRouteApi('/shell/offers/$key')

/** OfferScreen is one offer: written, previewed, and how many are left. */
export function OfferScreen() {
  const { key } = route.useParams()
  const { tab, person } = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(oneQuery<Offer>('offers', key))
  const placements = useQuery({ queryKey: ['placements'], queryFn: ({ signal }) => ask(api.GET('/api/v1/placements', { params: { query: { limit: 500 } }, signal })) })
  const pick = (ref: string | undefined): void => void navigate({ to: '/offers/$key', params: { key }, search: { tab: 'preview', ...(ref ? { person: ref } : {}) }, replace: true })
  const live = (placements.data?.items ?? []).filter((p) => p.live_version !== null).map((p) => p.key)
  return (
    <Async query={query}>
      {(s) => (
        <Thing kind="offers" stored={s} tab={tab} person={person} panels={{
          edit: <Edit key={s.version} stored={s} />,
          preview: <div style={{ maxWidth: 860 }}><Shown asks={{ placements: live }} offer={s.key} person={person} pick={pick} /></div>,
          results: <Stock of={s.key} />,
        }} />
      )}
    </Async>
  )
}

function Edit({ stored: s }: { stored: Stored<Offer> }) {
  const t = useText(experience)
  const toasts = useToasts()
  const put = useThingChange('offers', (d: Offer) => save('offers', s.key, d))
  return <OfferForm document={s.document} saving={put.isPending} error={put.error} label={t('saveDraft')} save={(d) => void put.mutateAsync(d).then((x) => toasts.done(t('saved', { version: x.version })), () => undefined)} />
}

/** Left says how many are left, of how many. */
export function Left({ of: i }: { of: Schema['InventoryView'] }) {
  const t = useText(experience)
  const f = useFormats()
  return i.total === null ? <>{t('noLimit')}</> : <>{t('leftOf', { left: f.number(i.left ?? 0), total: f.number(i.total) })}</>
}

function Stock({ of }: { of: string }) {
  const t = useText(experience)
  const f = useFormats()
  const query = useQuery({ queryKey: ['offers', of, 'inventory'], queryFn: ({ signal }) => inventoryOf(of, signal), refetchInterval: 3_000 })
  return (
    <Async query={query}>
      {(i) => (
        <Card maw={520}>
          <Stack gap="sm">
            <Title order={2}><Left of={i} /></Title>
            {i.total !== null && <Progress value={i.total > 0 ? ((i.left ?? 0) / i.total) * 100 : 0} aria-label={t('stock')} />}
            <Group justify="space-between"><Text c="dimmed">{t('taken')}</Text><Text className="rp-num">{f.number(i.taken)}</Text></Group>
            <Text size="sm" c="dimmed">{t(i.total === null ? 'stockHintNone' : 'stockHint')}</Text>
          </Stack>
        </Card>
      )}
    </Async>
  )
}
