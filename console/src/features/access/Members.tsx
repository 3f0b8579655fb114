import { Alert, Badge, Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconUserPlus, IconUsers } from '@tabler/icons-react'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { Code } from '~/shared/ui/Code'
import { DataTable } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { settings } from './settingsMessages'
import { WaysIn } from './WaysIn'

type Member = Schema['MemberView']
type Body = Schema['MemberBody']

const roles = ['viewer', 'analyst', 'marketer', 'developer', 'privacy', 'admin'] as const
const colors = { active: 'green', invited: 'yellow', disabled: 'gray' } as const

export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/members', { params: { query: { limit: 500 } }, signal })),
})

/** Members are the people who may sign in. */
export function Members() {
  const t = useText(settings)
  const query = useQuery(membersQuery)
  const [open, setOpen] = useState<Member | 'new'>()
  const invite = <Button leftSection={<IconUserPlus size={16} />} onClick={() => setOpen('new')}>{t('invite')}</Button>
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed" maw={640}>{t('membersLead')}</Text>
        {(query.data?.items?.length ?? 0) > 0 && invite}
      </Group>
      <Async query={query} isEmpty={(d) => (d.items?.length ?? 0) === 0} empty={<Empty title={t('noMembers')} icon={IconUsers} action={invite}>{t('noMembersText')}</Empty>}>
        {({ items }) => (
          <DataTable
            label={t('tab_members')}
            rows={items ?? []}
            rowKey={(m) => m.id}
            rowHeight={56}
            open={setOpen}
            columns={[
              { key: 'name', header: t('name'), width: 'minmax(200px, 1.5fr)', cell: (m) => <><Text fw={550} size="sm" truncate>{m.name}</Text><Text size="xs" c="dimmed" truncate>{m.email}</Text></> },
              { key: 'roles', header: t('roles'), width: 'minmax(160px, 1fr)', cell: (m) => (m.roles ?? []).map((r) => roleName(t, r)).join(', ') },
              { key: 'status', header: t('status'), width: '120px', cell: (m) => <Badge color={colors[m.status]}>{t(`status_${m.status}`)}</Badge> },
              { key: 'since', header: t('since'), width: '140px', end: true, cell: (m) => <Time at={m.created_at} /> },
            ]}
          />
        )}
      </Async>
      <Dialog opened={open !== undefined} close={() => setOpen(undefined)} title={open === 'new' ? t('invite') : t('member')} size="lg">
        {open && <Form key={open === 'new' ? 'new' : open.id} member={open === 'new' ? undefined : (query.data?.items.find((m) => m.id === open.id) ?? open)} close={() => setOpen(undefined)} />}
      </Dialog>
    </Stack>
  )
}

type T = ReturnType<typeof useText<keyof (typeof settings)['en']>>
const roleName = (t: T, role: string): string => {
  const known = roles.find((r) => r === role)
  return known ? t(`role_${known}`) : role
}

function Form({ member: m, close }: { member: Member | undefined; close: () => void }) {
  const t = useText(settings)
  const c = useText(common)
  const toasts = useToasts()
  const queries = useQueryClient()
  const [link, setLink] = useState<string>()
  const again = (): Promise<unknown> => queries.invalidateQueries({ queryKey: ['members'] })
  const path = { id: m?.id ?? '' }
  const put = (b: Body): Promise<Member> => (m ? ask(api.PUT('/api/v1/members/{id}', { params: { path }, body: b })) : ask(api.POST('/api/v1/members', { body: b })))
  const save = useMutation({ mutationFn: put, onSettled: again })
  const renew = useMutation({ mutationFn: () => ask(api.POST('/api/v1/members/{id}/link', { params: { path } })), onSettled: again })
  const form = useForm<Body>({
    initialValues: { name: m?.name ?? '', email: m?.email ?? '', roles: m?.roles ?? ['viewer'], disabled: m?.disabled ?? false, ...(m?.hidden_traits ? { hidden_traits: m.hidden_traits } : {}) },
    validate: { name: (v) => (v.trim() ? null : t('nameWrong')), email: (v) => (/^\S+@\S+$/.test(v) ? null : t('emailWrong')), roles: (v) => ((v ?? []).length > 0 ? null : t('rolesWrong')) },
  })
  const before: Body | undefined = m && { name: m.name, email: m.email, roles: m.roles ?? [], disabled: m.disabled, ...(m.hidden_traits ? { hidden_traits: m.hidden_traits } : {}) }
  const submit = form.onSubmit((v) =>
    save.mutate(v, {
      onSuccess: (saved) => {
        if (saved.link) return setLink(saved.link)
        toasts.done(t('memberSaved', { name: saved.name }), before && (() => put(before).then(again)))
        close()
      },
    }),
  )
  if (link !== undefined) return <Handed title={t('linkTitle')} text={t('linkText', { name: form.values.name })} secret={link} close={close} />
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <TextInput data-autofocus label={t('name')} {...form.getInputProps('name')} />
        <TextInput label={t('email')} type="email" {...form.getInputProps('email')} />
        <Checkbox.Group label={t('roles')} description={t('rolesHint')} {...form.getInputProps('roles')} value={form.values.roles ?? []}>
          <Stack gap="xs" mt="xs">
            {roles.map((r) => <Checkbox key={r} value={r} label={t(`role_${r}`)} description={t(`roleHint_${r}`)} />)}
          </Stack>
        </Checkbox.Group>
        {m && <Checkbox label={t('disabled')} description={t('disabledHint')} {...form.getInputProps('disabled', { type: 'checkbox' })} />}
        {m && <WaysIn member={m} />}
        {(save.error ?? renew.error) && <ProblemState error={save.error ?? renew.error} compact />}
        <Group justify="space-between">
          {m ? <Button variant="subtle" loading={renew.isPending} onClick={() => renew.mutate(undefined, { onSuccess: (x) => x.link && setLink(x.link) })}>{t('newLink')}</Button> : <span />}
          <Group gap="xs">
            <Button variant="default" onClick={close}>{c('cancel')}</Button>
            <Button type="submit" loading={save.isPending}>{m ? c('save') : t('invite')}</Button>
          </Group>
        </Group>
      </Stack>
    </form>
  )
}

/** Handed shows what is shown only once. */
export function Handed({ title, text, secret, close }: { title: string; text: string; secret: string; close: () => void }) {
  const c = useText(common)
  return (
    <Stack>
      <Alert color="yellow" title={title}>{text}</Alert>
      <Code wrap text={secret} label={title} />
      <Group justify="flex-end"><Button onClick={close}>{c('close')}</Button></Group>
    </Stack>
  )
}
