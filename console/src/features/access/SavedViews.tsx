import { ActionIcon, Badge, Button, Checkbox, Group, Menu, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconBookmark, IconCheck, IconDeviceFloppy, IconTrash, IconUsers } from '@tabler/icons-react'
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { useToasts } from '~/shared/ui/undo'
import { useSession } from './session'
import { same } from './sameView'
import { views } from './viewMessages'

type View = Schema['SavedView']
type Body = Schema['SavedViewBody']
type Screen = Body['screen']
type Search = Record<string, string | undefined>

const viewsQuery = (screen: Screen) =>
  queryOptions({ queryKey: ['views', screen], queryFn: ({ signal }) => ask(api.GET('/api/v1/session/views', { params: { query: { screen, limit: 500 } }, signal })) })

function useViewChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({ mutationFn: change, onSettled: () => queries.invalidateQueries({ queryKey: ['views'] }) })
}

const make = (body: Body): Promise<View> => ask(api.POST('/api/v1/session/views', { body }))

/**
 * SavedViews keep what a list shows under a name, on the server: for oneself or for
 * everybody. Whoever signed in with a key is nobody, and has none. keeps are the
 * members of the address that a view holds.
 */
export function SavedViews({ screen, search, keeps, apply }: { screen: Screen; search: Search; keeps: readonly string[]; apply: (to: Record<string, string>) => void }) {
  const t = useText(views)
  const { session } = useSession()
  const member = typeof session === 'object' && session.id !== ''
  const query = useQuery({ ...viewsQuery(screen), enabled: member })
  const [asking, ask] = useState<'save' | 'manage'>()
  if (!member) return null
  const all = query.data?.items ?? []
  const now = Object.fromEntries(keeps.flatMap((k) => (search[k] ? [[k, search[k]]] : [])))
  const current = all.find((v) => same(v.search, now))
  const group = (of: View[], label: string) =>
    of.length > 0 && (
      <>
        <Menu.Label>{label}</Menu.Label>
        {of.map((v) => <Menu.Item key={v.id} leftSection={v === current ? <IconCheck size={16} /> : v.shared ? <IconUsers size={16} /> : <IconBookmark size={16} />} onClick={() => apply(v.search)}>{v.name}</Menu.Item>)}
      </>
    )
  return (
    <>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target><Button variant="default" leftSection={<IconBookmark size={16} />}>{current?.name ?? t('views')}</Button></Menu.Target>
        <Menu.Dropdown>
          {group(all.filter((v) => v.mine), t('mine'))}
          {group(all.filter((v) => !v.mine), t('others'))}
          {all.length === 0 && <Menu.Label>{t('none')}</Menu.Label>}
          <Menu.Divider />
          <Menu.Item leftSection={<IconDeviceFloppy size={16} />} disabled={Object.keys(now).length === 0 || current !== undefined} onClick={() => ask('save')}>{t('save')}</Menu.Item>
          {all.length > 0 && <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => ask('manage')}>{t('manage')}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={asking === 'save'} close={() => ask(undefined)} title={t('save')}><Save screen={screen} search={now} close={() => ask(undefined)} /></Dialog>
      <Dialog opened={asking === 'manage'} close={() => ask(undefined)} title={t('views')}><Manage all={all} admin={session.roles.includes('admin')} /></Dialog>
    </>
  )
}

function Save({ screen, search, close }: { screen: Screen; search: Record<string, string>; close: () => void }) {
  const t = useText(views)
  const c = useText(common)
  const toasts = useToasts()
  const form = useForm({ initialValues: { name: '', shared: false }, validate: { name: (v) => (v.trim() ? null : t('nameWrong')) } })
  const save = useViewChange((v: typeof form.values) => make({ screen, search, name: v.name.trim(), ...(v.shared ? { shared: true } : {}) }))
  return (
    <form onSubmit={form.onSubmit((v) => save.mutate(v, { onSuccess: () => { toasts.done(t('saved')); close() } }))}>
      <Stack>
        <Text size="sm" c="dimmed">{Object.entries(search).map(([k, v]) => `${k}: ${v}`).join(' · ')}</Text>
        <TextInput data-autofocus label={t('name')} maxLength={100} {...form.getInputProps('name')} />
        <Checkbox label={t('shared')} description={t('sharedHint')} {...form.getInputProps('shared', { type: 'checkbox' })} />
        {save.error && <ProblemState error={save.error} compact />}
        <Group justify="flex-end"><Button variant="default" onClick={close}>{c('cancel')}</Button><Button type="submit" loading={save.isPending}>{c('save')}</Button></Group>
      </Stack>
    </form>
  )
}

function Manage({ all, admin }: { all: View[]; admin: boolean }) {
  const t = useText(views)
  const toasts = useToasts()
  const drop = useViewChange((v: View) => ask(api.DELETE('/api/v1/session/views/{id}', { params: { path: { id: v.id } } })))
  const again = useViewChange(({ name, screen, search, shared }: View) => make({ name, screen, search, ...(shared ? { shared } : {}) }))
  return (
    <Stack gap="xs">
      {all.length === 0 && <Text c="dimmed">{t('none')}</Text>}
      {all.map((v) => (
        <Group key={v.id} justify="space-between" wrap="nowrap">
          <Group gap="xs"><Text>{v.name}</Text>{v.shared && <Badge color="gray">{v.mine || !v.owner ? t('isShared') : t('isSharedBy', { name: v.owner })}</Badge>}</Group>
          {(v.mine || admin) && <ActionIcon variant="subtle" color="gray" aria-label={t('remove', { name: v.name })} onClick={() => drop.mutate(v, { onSuccess: () => toasts.done(t('removed', { name: v.name }), v.mine ? () => again.mutateAsync(v) : undefined), onError: toasts.failed })}><IconTrash size={16} /></ActionIcon>}
        </Group>
      ))}
    </Stack>
  )
}
