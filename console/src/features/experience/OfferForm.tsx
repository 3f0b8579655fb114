import { Button, Fieldset, Group, NumberInput, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { May } from '~/features/access/May'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { Caps } from './Caps'
import { contentOf, Fields } from './Fields'
import { experience } from './messages'
import type { Offer } from './queries'
import { Segments } from './Segments'

/** OfferForm says what an offer shows, to whom, how often, and how many there are. */
export function OfferForm(props: { document: Offer; saving: boolean; error: Error | null; label: string; save: (to: Offer) => void }) {
  const t = useText(experience)
  const form = useForm<Offer>({ initialValues: props.document, validate: { name: (v) => (slug(v ?? '') ? null : t('nameWrong')) } })
  const submit = form.onSubmit((v) => props.save({ ...v, name: (v.name ?? '').trim() }))
  const v = form.values
  const without = (key: keyof Offer): void => form.setFieldValue(key as string, undefined)
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg">
        <TextInput data-autofocus label={t('name')} {...form.getInputProps('name')} value={v.name ?? ''} />
        <Fieldset legend={t('content')}>
          <Fields label={t('content')} value={contentOf(v.content['*'])} change={(to) => form.setFieldValue('content', { ...v.content, '*': { ...v.content['*'], '*': to } })} />
        </Fieldset>
        <Segments rule={v.eligibility} change={(to) => (to ? form.setFieldValue('eligibility', to) : without('eligibility'))} />
        <Group align="flex-start" gap="md" grow>
          <NumberInput label={t('priority')} description={t('priorityHint')} value={v.priority ?? ''} onChange={(to) => form.setFieldValue('priority', Number(to) || 0)} />
          <NumberInput label={t('total')} description={t('totalHint')} min={0} value={v.inventory?.total ?? ''} placeholder={t('noLimit')} onChange={(to) => (typeof to === 'number' ? form.setFieldValue('inventory', { total: to }) : without('inventory'))} />
        </Group>
        <Caps caps={v.caps} per={['offer', 'group', 'placement', 'channel', 'person']} of="viewed" change={(to) => (to ? form.setFieldValue('caps', to) : without('caps'))} />
        {props.error && <ProblemState error={props.error} compact />}
        <Group justify="flex-end"><May area="decisions"><Button type="submit" loading={props.saving}>{props.label}</Button></May></Group>
      </Stack>
    </form>
  )
}
