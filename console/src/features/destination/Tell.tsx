import { MultiSelect, SegmentedControl, Select, SimpleGrid, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ReactNode } from 'react'
import { traitsQuery, useEvents, useSegments } from '~/features/segment/builder/suggest'
import { useText } from '~/shared/i18n'
import css from './Destination.module.css'
import type { Set } from './DestinationForm'
import { destination } from './messages'
import type { Document } from './queries'
import { at, whenOf } from './when'
import type { When } from './when'

/** Tell is what a destination is told: one part for each kind of cause. */
export function Tell({ document: d, set, sendsContent }: { document: Document; set: Set; sendsContent: boolean }) {
  const t = useText(destination)
  const segments = useSegments(undefined)
  const events = useEvents()
  const traits = useQuery(traitsQuery).data?.items.map((x) => x.name) ?? []
  const chosen = d.segments ?? []
  // What holds for the next segment, where none is chosen yet that could say.
  const [next, setNext] = useState<When>('both')
  const when = whenOf(chosen, next)
  const pick = (to: When): void => {
    setNext(to)
    set('segments', chosen.map(({ key }) => at(key, to)))
  }
  return (
    <Stack gap="xs">
      <Part label={t('tellEntered')} hint={t('tellEnteredHint')} on={d.segments !== undefined} turn={(x) => set('segments', x ? [] : undefined)}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <MultiSelect label={t('segments')} data={segments} value={chosen.map((s) => s.key)} searchable onChange={(keys) => set('segments', keys.map((key) => chosen.find((s) => s.key === key) ?? at(key, when ?? next)))} />
          <div>
            <Text size="sm" fw={500} mb={4} id="tell-when">{t('on')}</Text>
            <SegmentedControl fullWidth aria-labelledby="tell-when" data={(['both', 'entered', 'left'] as const).map((v) => ({ value: v, label: t(`on_${v}`) }))} value={when ?? ''} onChange={(to) => pick(to as When)} />
            {when === undefined && <Text size="xs" c="dimmed" mt={4}>{t('on_each')}</Text>}
          </div>
        </SimpleGrid>
      </Part>
      <Part label={t('tellEvents')} hint={t('tellEventsHint')} on={d.events !== undefined} turn={(x) => set('events', x ? {} : undefined)}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TagsInput label={t('events')} placeholder={d.events?.names?.length ? '' : t('eventsAll')} data={[...new Set(Object.values(events.names).flat())]} value={d.events?.names ?? []} acceptValueOnBlur onChange={(names) => set('events', { ...without(d.events, 'names'), ...(names.length ? { names } : {}) })} />
          <TextInput label={t('filter')} placeholder={t('filterHint')} value={d.events?.filter ?? ''} onChange={(e) => set('events', { ...without(d.events, 'filter'), ...(e.currentTarget.value ? { filter: e.currentTarget.value } : {}) })} />
        </SimpleGrid>
      </Part>
      <Part label={t('tellProfile')} hint={t('tellProfileHint')} on={d.profile !== undefined} turn={(x) => set('profile', x ? {} : undefined)}>
        <TagsInput label={t('changed')} placeholder={d.profile?.traits?.length ? '' : t('changedAll')} data={traits} value={d.profile?.traits ?? []} acceptValueOnBlur onChange={(v) => set('profile', v.length ? { traits: v } : {})} />
      </Part>
      <Part label={t('tellAudience')} hint={t('tellAudienceHint')} on={d.audience !== undefined} turn={(x) => set('audience', x ? { segment: '' } : undefined)}>
        <Select label={t('segment')} data={segments} searchable value={d.audience?.segment || null} onChange={(v) => set('audience', { segment: v ?? '' })} />
      </Part>
      {sendsContent && <Part label={t('broadcasts')} hint={t('broadcastsHint')} on={d.broadcasts === true} turn={(x) => set('broadcasts', x || undefined)} />}
      <Part label={t('alerts')} hint={t('alertsHint')} on={d.alerts === true} turn={(x) => set('alerts', x || undefined)} />
      <Part label={t('experiences')} on={d.experiences === true} turn={(x) => set('experiences', x || undefined)} />
    </Stack>
  )
}

function without<T extends object, K extends keyof T>(of: T | undefined, name: K): Omit<T, K> {
  const { [name]: _, ...rest } = of ?? ({} as T)
  return rest as Omit<T, K>
}

function Part({ label, hint, on, turn, children }: { label: string; hint?: string; on: boolean; turn: (on: boolean) => void; children?: ReactNode }) {
  return (
    <div className={css.tell} data-on={on || undefined}>
      <Switch label={label} {...(hint ? { description: hint } : {})} checked={on} onChange={(e) => turn(e.currentTarget.checked)} />
      {on && children && <div style={{ marginTop: 12 }}>{children}</div>}
    </div>
  )
}
