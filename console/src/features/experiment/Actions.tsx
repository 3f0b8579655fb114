import { Alert, Button, Group, Menu, Select, Stack, TextInput, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconCopy, IconDots, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconArchive } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '~/shared/api/client'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { useToasts } from '~/shared/ui/undo'
import { experiment } from './messages'
import { setState, useExperimentChange } from './queries'
import type { Stored } from './queries'
import type { State } from './routes'

/** Actions start, pause, stop and repeat an experiment. */
export function Actions({ stored: e }: { stored: Stored }) {
  const t = useText(experiment)
  const toasts = useToasts()
  const [asking, ask] = useState<'stop' | 'clone'>()
  const state = e.document.state ?? 'draft'
  const change = useExperimentChange((to: State) => setState(e.key, to))
  const turn = (to: State): void => change.mutate(to, { onSuccess: () => toasts.done(t(`done_${to}`), to === 'running' && state === 'draft' ? undefined : () => change.mutateAsync(state)), onError: toasts.failed })
  return (
    <>
      {(state === 'draft' || state === 'paused') && (
        <Button leftSection={<IconPlayerPlay size={16} />} loading={change.isPending} onClick={() => turn('running')}>{t(state === 'draft' ? 'start' : 'resume')}</Button>
      )}
      {state === 'running' && <Button variant="default" leftSection={<IconPlayerPause size={16} />} loading={change.isPending} onClick={() => turn('paused')}>{t('pause')}</Button>}
      {(state === 'running' || state === 'paused') && <Button variant="default" leftSection={<IconPlayerStop size={16} />} onClick={() => ask('stop')}>{t('stop')}</Button>}
      <Menu position="bottom-end" shadow="md">
        <Menu.Target><Button variant="default" px="xs" aria-label={t('otherActions')}><IconDots size={16} /></Button></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => ask('clone')}>{t('clone')}</Menu.Item>
          {(state === 'stopped' || state === 'draft') && <Menu.Item leftSection={<IconArchive size={16} />} onClick={() => turn('archived')}>{t('archive')}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={asking === 'stop'} close={() => ask(undefined)} title={t('stopTitle')}><Stop stored={e} close={() => ask(undefined)} /></Dialog>
      <Dialog opened={asking === 'clone'} close={() => ask(undefined)} title={t('clone')}><Clone stored={e} close={() => ask(undefined)} /></Dialog>
    </>
  )
}

function Stop({ stored: e, close }: { stored: Stored; close: () => void }) {
  const t = useText(experiment)
  const c = useText(common)
  const toasts = useToasts()
  const variants = e.document.variants ?? []
  const form = useForm({ initialValues: { winner: '', text: '' }, validate: { text: (v) => (v.trim() ? null : t('learnedWrong')) } })
  const stop = useExperimentChange((v: typeof form.values) => setState(e.key, 'stopped', { text: v.text.trim(), ...(v.winner ? { winner: v.winner } : {}) }))
  const submit = form.onSubmit((v) => stop.mutate(v, { onSuccess: () => { toasts.done(t('done_stopped')); close() } }))
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <Alert color="yellow">{t('stopText')}</Alert>
        <Select data-autofocus label={t('winner')} placeholder={t('noWinner')} clearable data={variants.map((v) => ({ value: v.key, label: v.name || v.key }))} {...form.getInputProps('winner')} value={form.values.winner || null} comboboxProps={{ shadow: 'md' }} />
        <Textarea label={t('learned')} description={t('learnedHint')} autosize minRows={3} {...form.getInputProps('text')} />
        {stop.error && <ProblemState error={stop.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={stop.isPending}>{t('stopNow')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

function Clone({ stored: e, close }: { stored: Stored; close: () => void }) {
  const t = useText(experiment)
  const c = useText(common)
  const navigate = useNavigate()
  const form = useForm({ initialValues: { name: t('cloneName', { name: e.document.name }) }, validate: { name: (v) => (slug(v) ? null : t('nameWrong')) } })
  const clone = useExperimentChange((name: string) => call<Stored>(`/api/v1/experiments/${encodeURIComponent(e.key)}/clone?wait=applied`, { method: 'POST', body: { key: slug(name), name } }))
  const submit = form.onSubmit((v) => clone.mutate(v.name.trim(), { onSuccess: (s) => { close(); void navigate({ to: '/experiments/$key', params: { key: s.key }, search: {} }) } }))
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput data-autofocus label={t('name')} description={t('cloneHint')} {...form.getInputProps('name')} />
        {clone.error && <ProblemState error={clone.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={clone.isPending}>{t('clone')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
