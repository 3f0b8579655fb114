import { ActionIcon, Button, Checkbox, Fieldset, Group, NumberInput, Select, Slider, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { UseFormReturnType } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { slug } from '~/shared/definition/key'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { MetricRows } from './MetricRows'
import { experiment } from './messages'
import { Power } from './Power'
import type { Experiment } from './queries'

export type Form = UseFormReturnType<Experiment>

/** Editor is the form of an experiment: who gets what, and what counts. */
export function Editor(props: { document: Experiment; saving: boolean; error: Error | null; label: string; save: (to: Experiment) => void; cancel?: () => void }) {
  const t = useText(experiment)
  const c = useText(common)
  const form = useForm<Experiment>({
    initialValues: props.document,
    validate: {
      name: (v) => (slug(v) ? null : t('nameWrong')),
      variants: { key: (v, all) => (!/^[A-Za-z0-9][\w.-]*$/.test(v) ? t('keyWrong') : (all.variants ?? []).filter((x) => x.key === v).length > 1 ? t('keyTwice') : null) },
      metrics: { event: { name: (v) => (v.trim() ? null : t('eventWrong')) } },
    },
  })
  const submit = form.onSubmit((v) => props.save({ ...v, name: v.name.trim() }))
  const factorial = props.document.kind === 'multivariate'
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg">
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} required withAsterisk={false} {...form.getInputProps('name')} />
        <Textarea label={t('hypothesis')} description={t('hypothesisHint')} autosize minRows={2} {...form.getInputProps('description')} />
        {factorial ? <Text c="dimmed">{t('factorial')}</Text> : <Variants form={form} />}
        <Who form={form} />
        <Fieldset legend={t('counts')}>
          <MetricRows form={form} />
        </Fieldset>
        <Fieldset legend={t('howLong')}>
          <Power variants={form.values.variants?.length ?? 2} />
        </Fieldset>
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end">
          {props.cancel && <Button variant="default" onClick={props.cancel}>{c('cancel')}</Button>}
          <May area="experiments"><Button type="submit" loading={props.saving} disabled={!props.cancel && !form.isDirty()}>{props.label}</Button></May>
        </Group>
      </Stack>
    </form>
  )
}

function Variants({ form }: { form: Form }) {
  const t = useText(experiment)
  const f = useFormats()
  const variants = form.values.variants ?? []
  const all = variants.reduce((n, v) => n + (v.weight ?? 1), 0) || 1
  return (
    <Fieldset legend={t('variants')}>
      <Stack gap="sm">
        {variants.map((v, i) => (
          <Group key={i} align="flex-start" wrap="nowrap" gap="sm">
            <TextInput style={{ flex: 2 }} label={i === 0 ? t('control') : t('variantNo', { number: i })} {...form.getInputProps(`variants.${i}.key`)} />
            <TextInput style={{ flex: 3 }} label={t('shownAs')} placeholder={v.key} {...form.getInputProps(`variants.${i}.name`)} value={v.name ?? ''} />
            <NumberInput w={96} min={0} max={1_000_000} label={t('weight')} {...form.getInputProps(`variants.${i}.weight`)} value={v.weight ?? 1} />
            <Text w={54} ta="end" mt={28} size="sm" c="dimmed" className="rp-num">{f.percent((v.weight ?? 1) / all)}</Text>
            <ActionIcon mt={26} variant="subtle" color="gray" disabled={variants.length <= 2} aria-label={t('removeVariant', { name: v.key })} onClick={() => form.removeListItem('variants', i)}>
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        ))}
        <div>
          <Button variant="subtle" size="xs" leftSection={<IconPlus size={14} />} onClick={() => form.insertListItem('variants', { key: `variant-${variants.length}`, weight: 1 })}>{t('addVariant')}</Button>
        </div>
      </Stack>
    </Fieldset>
  )
}

function Who({ form }: { form: Form }) {
  const t = useText(experiment)
  const f = useFormats()
  const segments = useQuery({ queryKey: ['segments', 'keys'], queryFn: ({ signal }) => ask(api.GET('/api/v1/segments', { params: { query: { limit: 500 } }, signal })) })
  const segment = form.values.audience?.segment
  const traffic = form.values.traffic ?? 1
  const keys = [...new Set([...(segments.data?.items ?? []).map((s) => s.key), ...(segment ? [segment] : [])])]
  const pick = (to: string | null): void => {
    const { segment: _, ...rest } = form.values.audience ?? {}
    if (to) form.setFieldValue('audience', { ...rest, segment: to })
    else form.setFieldValue('audience', Object.keys(rest).length > 0 && rest.condition ? rest : undefined)
  }
  return (
    <Fieldset legend={t('who')}>
      <Stack>
        <Select label={t('audience')} data={keys} value={segment ?? null} onChange={pick} placeholder={t('everybody')} clearable searchable nothingFoundMessage={t('noSegment')} comboboxProps={{ shadow: 'md' }} />
        <div>
          <Group justify="space-between"><Text size="sm" fw={500} id="traffic">{t('traffic')}</Text><Text size="sm" className="rp-num">{f.percent(traffic)}</Text></Group>
          <Slider aria-labelledby="traffic" thumbProps={{ 'aria-labelledby': 'traffic' }} mt={6} min={0} max={1} step={0.05} label={null} value={traffic} onChange={(to) => form.setFieldValue('traffic', to)} />
        </div>
        <Checkbox label={t('public')} description={t('publicHint')} {...form.getInputProps('public', { type: 'checkbox' })} />
        {segment && form.values.public && (
          <Checkbox label={t('audiencePublic')} description={t('audiencePublicHint')} checked={form.values.audience?.public === true} onChange={(e) => form.setFieldValue('audience', { ...form.values.audience, public: e.currentTarget.checked })} />
        )}
      </Stack>
    </Fieldset>
  )
}
