import { Button, Group, SimpleGrid, Stack, TagsInput, TextInput, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { useToasts } from '~/shared/ui/undo'
import { retention } from './messages'
import { saveStatement, useRetentionChange } from './queries'
import type { Statement } from './queries'

const lists = ['people', 'data', 'recipients', 'transfers', 'kept', 'security'] as const
const labels = { people: 'people', data: 'data', recipients: 'recipients', transfers: 'transfers', kept: 'keptElse', security: 'security' } as const
const hints = { recipients: 'recipientsHint', kept: 'keptElseHint' } as const

const whole = (s: Statement) => ({
  ...s,
  controller: { name: '', contact: '', ...s.controller },
  officer: { name: '', contact: '', ...s.officer },
  description: s.description ?? '',
  ...(Object.fromEntries(lists.map((l) => [l, s[l] ?? []])) as Record<(typeof lists)[number], string[]>),
})

/** spare leaves out what nobody said. */
function spare(s: Statement): Statement {
  const empty = (v: unknown): boolean => v === '' || (Array.isArray(v) ? v.length === 0 : typeof v === 'object' && Object.values(v ?? {}).every(empty))
  return Object.fromEntries(Object.entries(s).filter(([, v]) => !empty(v)))
}

/** StatementForm is what only the controller can say of the processing. */
export function StatementForm({ document, close }: { document: Statement; close: () => void }) {
  const t = useText(retention)
  const c = useText(common)
  const toasts = useToasts()
  const form = useForm({ initialValues: whole(document) })
  const save = useRetentionChange(saveStatement)
  const submit = form.onSubmit((v) => save.mutate(spare(v), { onSuccess: () => { toasts.done(t('statementSaved'), () => save.mutateAsync(document)); close() } }))
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          <TextInput data-autofocus label={t('controller')} maxLength={200} {...form.getInputProps('controller.name')} />
          <Textarea label={t('controllerContact')} description={t('contactHint')} inputWrapperOrder={['label', 'input', 'description', 'error']} autosize minRows={1} {...form.getInputProps('controller.contact')} />
          <TextInput label={t('officer')} maxLength={200} {...form.getInputProps('officer.name')} />
          <Textarea label={t('officerContact')} autosize minRows={1} {...form.getInputProps('officer.contact')} />
        </SimpleGrid>
        {lists.map((l) => <TagsInput key={l} label={t(labels[l])} description={`${l in hints ? `${t(hints[l as keyof typeof hints])}. ` : ''}${t('listHint')}`} {...form.getInputProps(l)} />)}
        <Textarea label={t('description')} autosize minRows={2} maxLength={2000} {...form.getInputProps('description')} />
        {save.error && <ProblemState error={save.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={save.isPending}>{c('save')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
