import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useNavigate } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { isKey, slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { useToasts } from '~/shared/ui/undo'
import { source } from './messages'
import { useSourceChange } from './queries'

const kinds = ['web', 'mobile', 'server', 'other'] as const

/** NewSource makes a source and leads to its snippet. */
export function NewSource({ opened, close }: { opened: boolean; close: () => void }) {
  const t = useText(source)
  return (
    <Dialog opened={opened} close={close} title={t('add')}>
      <Form close={close} />
    </Dialog>
  )
}

function Form({ close }: { close: () => void }) {
  const t = useText(source)
  const c = useText(common)
  const toasts = useToasts()
  const navigate = useNavigate()
  const form = useForm({
    initialValues: { name: '', key: '', kind: 'web' as Schema['SourceBody']['kind'] },
    validate: { key: (v) => (isKey(v) ? null : t('keyWrong')) },
  })
  const create = useSourceChange(async (v: typeof form.values) => {
    await ask(api.PUT('/api/v1/sources/{key}', { params: { path: { key: v.key }, header: { 'If-None-Match': '*' } }, body: { name: v.name, kind: v.kind } }))
    await ask(api.POST('/api/v1/sources/{key}/write-keys', { params: { path: { key: v.key } }, body: {} }))
  })
  const submit = form.onSubmit((v) =>
    create.mutate(v, {
      onSuccess: () => {
        toasts.done(t('created', { name: v.name }), () => ask(api.DELETE('/api/v1/sources/{key}', { params: { path: { key: v.key } } })).then(() => navigate({ to: '/sources' })))
        void navigate({ to: '/sources/$key', params: { key: v.key } })
      },
    }),
  )
  const rename = (name: string): void => {
    const derived = form.values.key === slug(form.values.name)
    form.setFieldValue('name', name)
    if (derived) form.setFieldValue('key', slug(name))
  }
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} required withAsterisk={false} value={form.values.name} onChange={(e) => rename(e.currentTarget.value)} />
        <TextInput label={t('key')} description={t('keyHint')} required withAsterisk={false} {...form.getInputProps('key')} />
        <div>
          <Text size="sm" fw={500} mb={4} id="new-source-kind">{t('kind')}</Text>
          <SegmentedControl fullWidth aria-labelledby="new-source-kind" data={kinds.map((k) => ({ value: k, label: t(`kind_${k}`) }))} {...form.getInputProps('kind')} />
        </div>
        {create.error && <ProblemState error={create.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={create.isPending}>{t('create')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
