import { IconTicket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { experience } from './messages'
import { OfferForm } from './OfferForm'
import { inventoryOf, save, useThingChange } from './queries'
import type { Offer } from './queries'
import { Left } from './OfferScreen'
import { ThingList } from './ThingList'

const route = getRouteApi('/shell/offers')
const blank: Offer = { name: '', priority: 1, content: { '*': { '*': { title: '' } } } }

/** OffersScreen lists what competes for places. */
export function OffersScreen() {
  const t = useText(experience)
  const toasts = useToasts()
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const create = useThingChange('offers', (d: Offer) => save('offers', slug(d.name ?? ''), d, true))
  const form = (
    <OfferForm document={blank} saving={create.isPending} error={create.error} label={t('saveDraft')} save={(d) => void create.mutateAsync(d).then((s) => {
      toasts.done(t('saved', { version: s.version }))
      void navigate({ to: '/offers/$key', params: { key: s.key }, search: {} })
    }, () => undefined)} />
  )
  return (
    <ThingList kind="offers" creating={creating === true} icon={IconTicket} form={form} more={[
      { key: 'stock', header: t('stock'), width: '150px', end: true, cell: (s) => <Stock of={s.key} /> },
    ]} />
  )
}

function Stock({ of }: { of: string }) {
  const { data } = useQuery({ queryKey: ['offers', of, 'inventory'], queryFn: ({ signal }) => inventoryOf(of, signal), retry: false })
  return data ? <Left of={data} /> : '–'
}
