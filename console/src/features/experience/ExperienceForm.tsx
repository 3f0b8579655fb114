import { ActionIcon, Autocomplete, Button, Card, Checkbox, Fieldset, Group, NumberInput, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { UseFormReturnType } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { May } from '~/features/access/May'
import { modelsQuery } from '~/features/decision/queries'
import { useEventNames } from '~/features/source/useEventNames'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { Caps } from './Caps'
import { contents } from './contentMessages'
import { contentOf, Fields } from './Fields'
import { asked, FormContent, NotificationContent } from './FormContent'
import { experience } from './messages'
import { questionsRight } from './Questions'
import { wholeQuery } from './queries'
import type { Experience, Placement, Variant } from './queries'
import { Segments } from './Segments'

type Form = UseFormReturnType<Experience>
const ways = ['content', 'offers', 'model'] as const

/** ExperienceForm says where something is shown, to whom, in which variants, and what counts. */
export function ExperienceForm(props: { document: Experience; saving: boolean; error: Error | null; label: string; save: (to: Experience) => void }) {
  const t = useText(experience)
  const c = useText(contents)
  const form = useForm<Experience>({
    initialValues: props.document,
    validate: {
      variants: (list) => (list.every((v) => questionsRight(asked(contentOf(v.content)))) ? null : c('questionsWrong')),
      name: (v) => (slug(v ?? '') ? null : t('nameWrong')),
      placement: (v, all) => (all.type === 'web' && !v ? t('placementWrong') : null),
    },
  })
  const submit = form.onSubmit((v) => {
    const { placement, ...rest } = v
    props.save({ ...rest, name: (v.name ?? '').trim(), ...(v.type === 'web' && placement ? { placement } : {}) })
  })
  const placements = usePlacements()
  const keys = placements.map((p) => p.key)
  const v = form.values
  const kind = v.type === 'web' ? placements.find((p) => p.key === v.placement)?.document.content_type : undefined
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg">
        <TextInput data-autofocus label={t('name')} {...form.getInputProps('name')} value={v.name ?? ''} />
        {v.type !== 'triggered' && (
          <div>
            <Text size="sm" fw={550} mb={6} id="where">{t('where')}</Text>
            <SegmentedControl fullWidth aria-labelledby="where" data={(['web', 'interactive'] as const).map((x) => ({ value: x, label: t(`type_${x}`) }))} value={v.type} onChange={(to) => form.setFieldValue('type', to as 'web')} />
          </div>
        )}
        {v.type === 'web' && <Autocomplete label={t('placement')} description={t('placementHint')} data={keys} {...form.getInputProps('placement')} value={v.placement ?? ''} comboboxProps={{ shadow: 'md' }} />}
        <Segments rule={v.audience} change={(to) => form.setFieldValue('audience', to)} />
        <Checkbox label={t('public')} description={t('publicHint')} {...form.getInputProps('public', { type: 'checkbox' })} />
        <Fieldset legend={t('variants')}>
          <Stack gap="md">
            {v.variants.map((variant, i) => <OneVariant key={i} form={form} variant={variant} index={i} placements={keys} kind={kind} />)}
            {form.errors.variants && <Text size="sm" c="var(--rp-bad)" role="alert">{form.errors.variants}</Text>}
            <div><Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} onClick={() => form.insertListItem('variants', { key: String.fromCharCode(97 + v.variants.length), content: { '*': { title: '' } } })}>{t('addVariant')}</Button></div>
          </Stack>
        </Fieldset>
        {v.type === 'web' && <Display form={form} />}
        <Caps caps={v.caps} per={['experience', 'channel', 'person']} of="decided" change={(to) => form.setFieldValue('caps', to)} />
        <Goals form={form} />
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end"><May area="decisions"><Button type="submit" loading={props.saving}>{props.label}</Button></May></Group>
      </Stack>
    </form>
  )
}

const usePlacements = () => useQuery(wholeQuery<Placement>('placements')).data ?? []

const moments = ['load', 'delay', 'scroll', 'exit'] as const

/** Display says when a page shows it. */
function Display({ form }: { form: Form }) {
  const t = useText(contents)
  const { display } = form.values
  const on = display?.on ?? 'load'
  return (
    <Group align="flex-end" gap="sm">
      <Select w={280} label={t('display')} allowDeselect={false} data={moments.map((m) => ({ value: m, label: t(`on_${m}`) }))} value={on} onChange={(to) => form.setFieldValue('display', to === 'load' || to === null ? undefined : to === 'exit' ? { on: to } : { on: to, value: display?.value ?? (to === 'delay' ? 20 : 50) })} comboboxProps={{ shadow: 'md' }} />
      {(on === 'delay' || on === 'scroll') && <NumberInput w={130} label={t('displayValue')} min={0} max={on === 'scroll' ? 100 : 86_400} value={display?.value ?? 0} onChange={(to) => form.setFieldValue('display', { on, value: Number(to) || 0 })} />}
    </Group>
  )
}

function OneVariant({ form, variant: v, index: i, placements, kind }: { form: Form; variant: Variant; index: number; placements: string[]; kind: string | undefined }) {
  const t = useText(experience)
  const models = useQuery(modelsQuery)
  const way = v.model ? 'model' : v.offers !== undefined ? 'offers' : 'content'
  const set = (to: Variant): void => form.setFieldValue(`variants.${i}`, to)
  const Content = kind === 'form' ? FormContent : kind === 'notification' ? NotificationContent : Fields
  const turn = (to: string): void => {
    const { content: _c, offers: _o, model: _m, ...rest } = v
    set(to === 'content' ? { ...rest, content: { '*': { title: '' } } } : to === 'offers' ? { ...rest, offers: '' } : { ...rest, model: { key: '' } })
  }
  return (
    <Card padding="sm" radius="md">
      <Stack gap="sm">
        <Group wrap="nowrap" align="flex-start" gap="sm">
          <TextInput w={160} label={t('variant')} value={v.key} onChange={(e) => set({ ...v, key: e.currentTarget.value })} />
          <NumberInput w={100} label={t('weight')} min={0} value={v.weight ?? 1} onChange={(to) => set({ ...v, weight: Number(to) || 0 })} />
          <Select style={{ flex: 1 }} label={t('shows')} allowDeselect={false} data={ways.map((w) => ({ value: w, label: t(`way_${w}`) }))} value={way} onChange={(to) => turn(to ?? 'content')} comboboxProps={{ shadow: 'md' }} />
          <ActionIcon mt={26} variant="subtle" color="gray" disabled={form.values.variants.length < 2} aria-label={t('removeVariant', { name: v.key })} onClick={() => form.removeListItem('variants', i)}><IconTrash size={16} /></ActionIcon>
        </Group>
        {way === 'content' && <Content label={t('contentOf', { name: v.key })} value={contentOf(v.content)} change={(to) => set({ ...v, content: { ...v.content, '*': to } })} />}
        {way === 'offers' && <Autocomplete label={t('offersOf')} data={placements} value={v.offers ?? ''} onChange={(to) => set({ ...v, offers: to })} comboboxProps={{ shadow: 'md' }} />}
        {way === 'model' && <Autocomplete label={t('model')} data={(models.data?.items ?? []).map((m) => m.key)} value={v.model?.key ?? ''} onChange={(to) => set({ ...v, model: { ...v.model, key: to } })} comboboxProps={{ shadow: 'md' }} />}
      </Stack>
    </Card>
  )
}

function Goals({ form }: { form: Form }) {
  const t = useText(experience)
  const names = useEventNames()
  const goals = form.values.goals ?? []
  return (
    <Fieldset legend={t('goals')}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t('goalsHint')}</Text>
        {goals.map((g, i) => (
          <Group key={i} wrap="nowrap" gap="sm">
            <Autocomplete style={{ flex: 1 }} aria-label={t('goalEvent', { number: i + 1 })} placeholder="Order Completed" disabled={g.orders === true} data={names} value={g.orders ? t('orders') : (g.event ?? '')} onChange={(to) => form.setFieldValue(`goals.${i}`, { ...g, event: to, key: slug(to) })} comboboxProps={{ shadow: 'md' }} />
            <ActionIcon variant="subtle" color="gray" aria-label={t('removeGoal', { name: g.key || String(i + 1) })} onClick={() => form.removeListItem('goals', i)}><IconTrash size={16} /></ActionIcon>
          </Group>
        ))}
        <Group gap="xs">
          <Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} onClick={() => form.setFieldValue('goals', [...goals, { key: '', event: '' }])}>{t('addGoal')}</Button>
          {!goals.some((g) => g.orders) && <Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} onClick={() => form.setFieldValue('goals', [...goals, { key: 'orders', orders: true }])}>{t('addOrders')}</Button>}
        </Group>
      </Stack>
    </Fieldset>
  )
}
