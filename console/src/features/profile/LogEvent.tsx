import { Button, Group, Select, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconPencilPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sourcesQuery } from '~/features/source/queries'
import { call } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Dialog } from '~/shared/ui/Dialog'
import { useToasts } from '~/shared/ui/undo'
import { page } from './pageMessages'
import { usePersonChange } from './queries'
import type { Profile } from './queries'

const channels = ['call_center', 'store', 'email', 'letter']

/** LogEvent writes down what somebody said or did outside of sites and apps. */
export function LogEvent({ profile: p }: { profile: Profile }) {
  const t = useText(page)
  const [opened, setOpened] = useState(false)
  return (
    <>
      <Button leftSection={<IconPencilPlus size={16} />} onClick={() => setOpened(true)}>{t('log')}</Button>
      <Dialog opened={opened} close={() => setOpened(false)} title={t('log')}>
        <Form profile={p} close={() => setOpened(false)} />
      </Dialog>
    </>
  )
}

function Form({ profile: p, close }: { profile: Profile; close: () => void }) {
  const t = useText(page)
  const c = useText(common)
  const toasts = useToasts()
  const sources = useQuery(sourcesQuery).data?.items.filter((s) => s.write_keys.length > 0) ?? []
  const form = useForm({ initialValues: { event: '', note: '', channel: 'call_center', source: '' } })
  const source = sources.find((s) => s.key === form.values.source) ?? sources[0]
  const log = usePersonChange((v: typeof form.values) => {
    const value = (namespace: string): string | undefined => p.identifiers.find((i) => i.namespace === namespace)?.value
    const [userId, anonymousId, email] = [value('user_id'), value('anonymous_id'), value('email')]
    const body = {
      event: v.event,
      ...(userId ? { userId } : anonymousId ? { anonymousId } : {}),
      properties: v.note ? { note: v.note } : {},
      context: { channel: v.channel, ...(userId || anonymousId || !email ? {} : { traits: { email } }) },
    }
    return call('/v1/track?wait=applied', { method: 'POST', body, headers: { Authorization: `Basic ${btoa(`${source?.write_keys[0]?.key ?? ''}:`)}` } })
  })
  const submit = form.onSubmit((v) => log.mutate(v, { onSuccess: () => { toasts.done(t('logged')); close() }, onError: toasts.failed }))
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <Text c="dimmed" size="sm">{t('logText')}</Text>
        <TextInput data-autofocus label={t('eventName')} placeholder="Call Received" required withAsterisk={false} {...form.getInputProps('event')} />
        <Textarea label={t('note')} autosize minRows={3} {...form.getInputProps('note')} />
        <Group grow>
          <Select label={t('channel')} data={channels} allowDeselect={false} {...form.getInputProps('channel')} />
          <Select label={t('source')} data={sources.map((s) => ({ value: s.key, label: s.name }))} allowDeselect={false} value={source?.key ?? null} onChange={(v) => form.setFieldValue('source', v ?? '')} />
        </Group>
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={log.isPending} disabled={!source}>{t('log')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
