import { Button, Group, Radio, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { useToasts } from '~/shared/ui/undo'
import { decision } from './messages'
import { saveModel, useModelChange } from './queries'
import { documentOf, templates } from './templates'
import type { Template } from './templates'

/** NewModel begins a model with one of the patterns. */
export function NewModel({ opened, close }: { opened: boolean; close: () => void }) {
  const t = useText(decision)
  return (
    <Dialog opened={opened} close={close} title={t('add')} size="lg">
      <Form close={close} />
    </Dialog>
  )
}

function Form({ close }: { close: () => void }) {
  const t = useText(decision)
  const c = useText(common)
  const toasts = useToasts()
  const navigate = useNavigate()
  const form = useForm({
    initialValues: { name: '', template: 'offer' as Template },
    validate: { name: (v) => (slug(v) ? null : t('nameWrong')) },
  })
  const create = useModelChange((v: typeof form.values) => saveModel(slug(v.name), documentOf(v.template, v.name.trim()), true))
  const submit = form.onSubmit((v) =>
    create.mutate(v, {
      onSuccess: (m) => {
        toasts.done(t('created', { name: m.name }))
        void navigate({ to: '/decisions/$key', params: { key: m.key } })
      },
    }),
  )
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} required withAsterisk={false} {...form.getInputProps('name')} />
        <Radio.Group label={t('beginWith')} {...form.getInputProps('template')}>
          <SimpleGrid cols={{ base: 1, sm: 2 }} mt={6} spacing="sm">
            {templates.map((name) => (
              <Radio.Card key={name} value={name} p="sm" aria-label={t(`template_${name}`)}>
                <Group wrap="nowrap" align="flex-start" gap="sm">
                  <Radio.Indicator mt={2} />
                  <div>
                    <Text fw={550}>{t(`template_${name}`)}</Text>
                    <Text size="sm" c="dimmed">{t(`templateHint_${name}`)}</Text>
                  </div>
                </Group>
              </Radio.Card>
            ))}
          </SimpleGrid>
        </Radio.Group>
        {create.error && <ProblemState error={create.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={create.isPending}>{t('create')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
