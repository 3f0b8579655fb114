import { Button, Checkbox, Fieldset, Group, NumberInput, SegmentedControl, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { UseFormReturnType } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { Caps } from './Caps'
import { Fields } from './Fields'
import { placement } from './placementMessages'
import { listQuery } from './queries'
import type { Placement } from './queries'
import { Segments } from './Segments'

const types = ['json', 'html', 'form', 'notification'] as const
const spans = ['0s', '15m', '1h', '24h', '7d'] as const
const orders = ['priority', 'formula', 'model'] as const

type Form = UseFormReturnType<Placement>

/** PlacementForm says where something is shown, of what kind, which offers compete for it, and what is shown otherwise. */
export function PlacementForm(props: { document: Placement; saving: boolean; error: Error | null; label: string; save: (to: Placement) => void }) {
  const t = useText(placement)
  const [bySelector, select] = useState(Boolean(props.document.selector))
  const form = useForm<Placement>({
    initialValues: props.document,
    validate: {
      name: (v) => (slug(v ?? '') ? null : t('nameWrong')),
      selector: (v) => (bySelector && !v?.trim() ? t('selectorWrong') : null),
    },
  })
  const submit = form.onSubmit(({ selector, ...v }) => props.save({ ...v, name: (v.name ?? '').trim(), ...(bySelector && selector ? { selector: selector.trim() } : {}) }))
  const v = form.values
  const set = (name: keyof Placement, to: unknown): void => form.setFieldValue(name as string, to as string)
  const fallback = typeof v.fallback === 'object' && v.fallback !== null && !Array.isArray(v.fallback) ? (v.fallback as Record<string, unknown>) : {}
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg">
        <TextInput data-autofocus label={t('name')} {...form.getInputProps('name')} value={v.name ?? ''} />
        <Stack gap="xs">
          <Text size="sm" fw={550} id="found">{t('foundBy')}</Text>
          <SegmentedControl fullWidth aria-labelledby="found" data={[{ value: 'slot', label: t('bySlot') }, { value: 'selector', label: t('bySelector') }]} value={bySelector ? 'selector' : 'slot'} onChange={(to) => select(to === 'selector')} />
          {bySelector
            ? <TextInput label={t('selector')} placeholder="#hero > .banner" {...form.getInputProps('selector')} value={v.selector ?? ''} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
            : <Text size="sm" c="dimmed">{t('slotHint')}</Text>}
        </Stack>
        <Group align="flex-start" gap="md" grow>
          <Select label={t('type')} allowDeselect={false} data={types.map((x) => ({ value: x, label: t(`type_${x}`) }))} value={v.content_type ?? 'json'} onChange={(to) => set('content_type', to ?? 'json')} comboboxProps={{ shadow: 'md' }} />
          <NumberInput label={t('count')} min={1} max={50} value={v.count ?? 1} onChange={(to) => set('count', Number(to) || 1)} />
          <Select label={t('holds')} allowDeselect={false} data={[...new Set<string>([...spans, v.valid_for ?? '15m'])].map((x) => ({ value: x, label: spans.some((s) => s === x) ? t(`holds_${x as '15m'}`) : x }))} value={v.valid_for ?? '15m'} onChange={(to) => set('valid_for', to ?? '15m')} comboboxProps={{ shadow: 'md' }} />
        </Group>
        <Checkbox label={t('public')} description={t('publicHint')} {...form.getInputProps('public', { type: 'checkbox' })} />
        <Competition form={form} />
        <Segments rule={v.rule} change={(to) => set('rule', to)} />
        <Caps caps={v.caps} per={['placement', 'channel', 'person']} of="viewed" change={(to) => set('caps', to)} />
        <Fieldset legend={t('fallback')}>
          <Fields label={t('fallback')} hint={t('fallbackHint')} value={fallback} change={(to) => set('fallback', Object.keys(to).length > 0 ? to : undefined)} />
        </Fieldset>
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end"><May area="decisions"><Button type="submit" loading={props.saving}>{props.label}</Button></May></Group>
      </Stack>
    </form>
  )
}

/** Competition says which offers may be shown, and which comes first. */
function Competition({ form }: { form: Form }) {
  const t = useText(placement)
  const offers = useQuery(listQuery('offers')).data?.items ?? []
  const models = useQuery({ queryKey: ['predictive-models'], queryFn: ({ signal }) => ask(api.GET('/api/v1/predictive-models', { params: { query: { limit: 500 } }, signal })) }).data?.items ?? []
  const { offers: of = {}, ranking = {} } = form.values
  const by = ranking.by ?? (ranking.formula ? 'formula' : ranking.model ? 'model' : 'priority')
  const choose = (name: 'keys' | 'tags', to: string[]): void => {
    const { [name]: _, ...rest } = of
    const next = to.length > 0 ? { ...rest, [name]: to } : rest
    form.setFieldValue('offers', Object.keys(next).length > 0 ? next : undefined)
  }
  const rank = (to: string): void => {
    const { by: _by, formula, model, ...rest } = ranking
    form.setFieldValue('ranking', to === 'priority' ? (Object.keys(rest).length > 0 ? { ...rest, by: to } : undefined) : { ...rest, by: to, ...(to === 'formula' ? { formula: formula ?? '' } : { model: model ?? '' }) })
  }
  return (
    <Fieldset legend={t('offers')}>
      <Stack gap="sm">
        <TagsInput label={t('onlyThese')} placeholder={of.keys?.length ? '' : t('allWithContent')} data={offers.map((o) => o.key)} value={of.keys ?? []} onChange={(to) => choose('keys', to)} comboboxProps={{ shadow: 'md' }} />
        <TagsInput label={t('withTags')} placeholder={of.tags?.length ? '' : t('anyTag')} value={of.tags ?? []} onChange={(to) => choose('tags', to)} />
        <Group align="flex-end" gap="sm">
          <Select w={240} label={t('first')} allowDeselect={false} data={orders.map((o) => ({ value: o, label: t(`by_${o}`) }))} value={by} onChange={(to) => rank(to ?? 'priority')} comboboxProps={{ shadow: 'md' }} />
          {by === 'formula' && <TextInput style={{ flex: 1 }} label={t('formula')} placeholder="offer.value * propensity" value={ranking.formula ?? ''} onChange={(e) => form.setFieldValue('ranking', { ...ranking, by, formula: e.currentTarget.value })} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />}
          {by === 'model' && <Select style={{ flex: 1 }} label={t('model')} nothingFoundMessage={t('noModel')} data={[...new Set([...models.map((m) => m.key), ...(ranking.model ? [ranking.model] : [])])]} value={ranking.model ?? null} onChange={(to) => form.setFieldValue('ranking', { ...ranking, by, model: to ?? '' })} comboboxProps={{ shadow: 'md' }} />}
        </Group>
      </Stack>
    </Fieldset>
  )
}
