import { ActionIcon, Button, Fieldset, Group, NumberInput, Select, Stack, Text } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useText } from '~/shared/i18n'
import { contents } from './contentMessages'
import type { Cap } from './queries'

const outcomes = ['decided', 'viewed', 'clicked', 'dismissed', 'accepted'] as const
const spans = ['1h', '24h', '7d', '30d', '90d'] as const
const calendars = ['hour', 'day', 'week', 'month'] as const
type Per = 'experience' | 'offer' | 'group' | 'placement' | 'channel' | 'person'

/**
 * Caps say how often something happens to a person at most. The first of what can
 * be counted together is what is meant where a cap does not say it.
 */
export function Caps({ caps = [], per, of, change }: { caps: Cap[] | undefined; per: readonly [Per, ...Per[]]; of: (typeof outcomes)[number]; change: (to: Cap[] | undefined) => void }) {
  const t = useText(contents)
  const set = (to: Cap[]): void => change(to.length > 0 ? to : undefined)
  const put = (at: number, to: Cap): void => set(caps.map((c, i) => (i === at ? to : c)))
  return (
    <Fieldset legend={t('caps')}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t('capsHint')}</Text>
        {caps.map((c, i) => (
          <Group key={i} wrap="nowrap" gap="xs" align="flex-end" role="group" aria-label={t('capNumber', { number: i + 1 })}>
            <NumberInput w={76} label={t('capTimes')} min={1} max={100} value={c.times} onChange={(to) => put(i, { ...c, times: Number(to) || 1 })} />
            <Select w={132} label={t('capOf')} allowDeselect={false} data={outcomes.map((o) => ({ value: o, label: t(`of_${o}`) }))} value={c.of ?? of} onChange={(to) => put(i, { ...c, of: to ?? of })} comboboxProps={{ shadow: 'md' }} />
            <Select w={158} label={t('capIn')} allowDeselect={false} data={spanChoices(c, t)} value={spanOf(c)} onChange={(to) => put(i, withSpan(c, to ?? ''))} comboboxProps={{ shadow: 'md' }} />
            <Select style={{ flex: 1, minWidth: 120 }} label={t('capPer')} allowDeselect={false} data={[...new Set<string>([...per, ...(c.per ? [c.per] : [])])].map((p) => ({ value: p, label: t(`per_${p as Per}`) }))} value={c.per ?? per[0]} onChange={(to) => put(i, { ...c, per: to ?? per[0] })} comboboxProps={{ shadow: 'md' }} />
            <ActionIcon mb={4} variant="subtle" color="gray" aria-label={t('removeCap', { number: i + 1 })} onClick={() => set(caps.filter((_, at) => at !== i))}><IconTrash size={16} /></ActionIcon>
          </Group>
        ))}
        <div><Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} onClick={() => set([...caps, { times: 1, period: '24h' }])}>{t('addCap')}</Button></div>
      </Stack>
    </Fieldset>
  )
}

/** spanOf is the time within which a cap counts, as one text; empty: as long as it is remembered. */
export const spanOf = (c: Cap): string => (c.each ? `each ${c.each}` : (c.period ?? ''))

/** withSpan is a cap that counts within another time: a sliding one or one of the calendar, never both. */
export function withSpan({ period: _p, each: _e, ...rest }: Cap, to: string): Cap {
  if (to.startsWith('each ')) return { ...rest, each: to.slice(5) }
  return to === '' ? rest : { ...rest, period: to }
}

type T = ReturnType<typeof useText<keyof (typeof contents)['en']>>

function spanChoices(c: Cap, t: T): { value: string; label: string }[] {
  const known = [...spans.map((s) => ({ value: s as string, label: t(`span_${s}`) })), ...calendars.map((s) => ({ value: `each ${s}`, label: t(`each_${s}`) })), { value: '', label: t('everRemembered') }]
  const own = spanOf(c)
  return known.some((k) => k.value === own) ? known : [...known, { value: own, label: own }]
}
