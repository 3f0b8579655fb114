import { Text } from '@mantine/core'
import { IconLayoutDashboard } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { experience } from './messages'
import { PlacementForm } from './PlacementForm'
import { placement } from './placementMessages'
import { save, useThingChange, wholeQuery } from './queries'
import type { Experience, Placement } from './queries'
import { ThingList } from './ThingList'

const route = getRouteApi('/shell/placements')
const blank: Placement = { name: '', public: true, content_type: 'json' }

/** PlacementsScreen lists the places in which something is shown. */
export function PlacementsScreen() {
  const t = useText(experience)
  const p = useText(placement)
  const toasts = useToasts()
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const create = useThingChange('placements', (d: Placement) => save('placements', slug(d.name ?? ''), d, true))
  const documents = useQuery(wholeQuery<Placement>('placements')).data
  const experiences = useQuery(wholeQuery<Experience>('experiences')).data
  const form = (
    <PlacementForm document={blank} saving={create.isPending} error={create.error} label={t('saveDraft')} save={(d) => void create.mutateAsync(d).then((s) => {
      toasts.done(t('saved', { version: s.version }))
      void navigate({ to: '/placements/$key', params: { key: s.key }, search: {} })
    }, () => undefined)} />
  )
  const of = (key: string): Placement => documents?.find((d) => d.key === key)?.document ?? {}
  return (
    <ThingList kind="placements" creating={creating === true} icon={IconLayoutDashboard} form={form} more={[
      { key: 'where', header: p('where'), width: 'minmax(120px, 1fr)', cell: (s) => <Text size="sm" truncate miw={0} title={of(s.key).selector}>{of(s.key).selector ? <code>{of(s.key).selector}</code> : p('asSlot')}</Text> },
      { key: 'type', header: p('type'), width: '140px', cell: (s) => typeName(p, of(s.key).content_type) },
      { key: 'used', header: p('filledBy'), width: 'minmax(110px, 1fr)', cell: (s) => <Text size="sm" truncate miw={0}>{fills(s.key, experiences ?? []).join(', ') || p('offersOnly')}</Text> },
    ]} />
  )
}

/** slotOf is the element that a placement without a selector fills. */
export const slotOf = (key: string): string => `<div data-rapport-slot="${key}"></div>`

/** fills are the experiences that show something in a placement, or take its offers. */
export const fills = (key: string, all: readonly { key: string; document: Experience }[]): string[] =>
  all.filter(({ document: d }) => d.placement === key || d.variants.some((v) => v.offers === key)).map((x) => x.document.name || x.key)

/** typeName says what kind of content a placement takes. */
export function typeName(p: ReturnType<typeof useText<keyof (typeof placement)['en']>>, type = 'json'): string {
  const key = `type_${type}`
  return key in placement.en ? p(key as 'type_json') : type
}
