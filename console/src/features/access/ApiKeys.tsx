import { Badge, Button, Checkbox, Group, Menu, Select, Stack, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconDots, IconKey, IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { Handed } from './Members'
import { settings } from './settingsMessages'

export const keysQuery = queryOptions({ queryKey: ['keys'], queryFn: ({ signal }) => ask(api.GET('/api/v1/keys', { params: { query: { limit: 500 } }, signal })) })

type Key = Schema['KeyView']
type Asked = { what: 'new' } | { what: 'rotate' | 'revoke'; key: Key }

/** ApiKeys are what programs come with. */
export function ApiKeys() {
  const t = useText(settings)
  const f = useFormats()
  const [asked, setAsked] = useState<Asked>()
  const query = useQuery(keysQuery)
  const make = <Button leftSection={<IconPlus size={16} />} onClick={() => setAsked({ what: 'new' })}>{t('newKey')}</Button>
  const close = (): void => setAsked(undefined)
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed" maw={640}>{t('keysLead')}</Text>
        {(query.data?.items?.length ?? 0) > 0 && make}
      </Group>
      <Async query={query} isEmpty={(d) => (d.items?.length ?? 0) === 0} empty={<Empty title={t('noKeys')} icon={IconKey} action={make}>{t('noKeysText')}</Empty>}>
        {({ items }) => (
          <DataTable
            label={t('tab_keys')}
            rows={items ?? []}
            rowKey={(k) => k.id}
            rowHeight={56}
            columns={[
              { key: 'name', header: t('name'), width: 'minmax(180px, 1.5fr)', cell: (k) => <><Text fw={550} size="sm" truncate>{k.name}</Text><Text size="xs" c="dimmed"><code>sk_…{k.hint}</code></Text></> },
              { key: 'scopes', header: t('scopes'), width: 'minmax(150px, 1fr)', cell: (k) => (k.scopes ?? []).map((s) => <Badge key={s} me={4} color={s === 'admin' ? 'red' : 'gray'}>{s === 'read' || s === 'write' || s === 'admin' ? t(`scope_${s}`) : s}</Badge>) },
              { key: 'used', header: t('lastUsed'), width: '140px', end: true, cell: (k) => <Time at={k.last_used_at} /> },
              { key: 'expires', header: t('expires'), width: '150px', end: true, cell: (k) => (k.expires_at ? <Text size="sm" c={new Date(k.expires_at).getTime() - Date.now() < 7 * 86_400_000 ? 'var(--rp-bad)' : undefined}>{f.date(k.expires_at)}</Text> : t('neverExpires')) },
              {
                key: 'actions', header: <VisuallyHidden>{t('actions')}</VisuallyHidden>, width: '44px', end: true,
                cell: (k) => (
                  <Menu position="bottom-end" shadow="md">
                    <Menu.Target><Button variant="subtle" color="gray" size="compact-sm" aria-label={t('actionsOf', { name: k.name })}><IconDots size={16} /></Button></Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => setAsked({ what: 'rotate', key: k })}>{t('rotate')}</Menu.Item>
                      <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setAsked({ what: 'revoke', key: k })}>{t('revoke')}</Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                ),
              },
            ]}
          />
        )}
      </Async>
      <Dialog opened={asked !== undefined} close={close} title={asked ? t(asked.what === 'new' ? 'newKey' : asked.what) : ''}>
        {asked?.what === 'new' && <NewKey close={close} />}
        {asked?.what === 'rotate' && <Rotate of={asked.key} close={close} />}
        {asked?.what === 'revoke' && <Revoke of={asked.key} close={close} />}
      </Dialog>
    </Stack>
  )
}

function useKeyChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useMutation({ mutationFn: change, onSettled: () => queries.invalidateQueries({ queryKey: ['keys'] }) })
}

function NewKey({ close }: { close: () => void }) {
  const t = useText(settings)
  const c = useText(common)
  const form = useForm({
    initialValues: { name: '', scopes: ['read'] as Schema['KeyBody']['scopes'], days: '90', networks: '' },
    validate: { name: (v) => (v.trim() ? null : t('nameWrong')), scopes: (v) => ((v ?? []).length > 0 ? null : t('scopesWrong')) },
  })
  const make = useKeyChange((v: typeof form.values) => {
    const networks = v.networks.split(/[\s,]+/).filter(Boolean)
    const body: Schema['KeyBody'] = {
      name: v.name.trim(), scopes: v.scopes, ...(networks.length > 0 ? { networks } : {}),
      ...(v.days === 'never' ? {} : { expires_at: new Date(Date.now() + Number(v.days) * 86_400_000).toISOString() }),
    }
    return ask(api.POST('/api/v1/keys', { params: { query: { wait: 'applied' } }, body }))
  })
  const submit = form.onSubmit((v) => make.mutate(v))
  if (make.data?.secret) return <Handed title={t('keyTitle')} text={t('keyText')} secret={make.data.secret} close={close} />
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack>
        <TextInput data-autofocus label={t('name')} description={t('keyNameHint')} {...form.getInputProps('name')} />
        <Checkbox.Group label={t('scopes')} {...form.getInputProps('scopes')} value={form.values.scopes ?? []}>
          <Stack gap="xs" mt="xs">{(['read', 'write', 'admin'] as const).map((s) => <Checkbox key={s} value={s} label={t(`scope_${s}`)} description={t(`scopeHint_${s}`)} />)}</Stack>
        </Checkbox.Group>
        <Select label={t('expires')} allowDeselect={false} data={[{ value: '30', label: t('days', { count: 30 }) }, { value: '90', label: t('days', { count: 90 }) }, { value: '365', label: t('days', { count: 365 }) }, { value: 'never', label: t('neverExpires') }]} {...form.getInputProps('days')} comboboxProps={{ shadow: 'md' }} />
        <TextInput label={t('networks')} description={t('networksHint')} placeholder="192.0.2.0/24" {...form.getInputProps('networks')} />
        {make.error && <ProblemState error={make.error} compact />}
        <Group justify="flex-end"><Button variant="default" onClick={close}>{c('cancel')}</Button><Button type="submit" loading={make.isPending}>{t('makeKey')}</Button></Group>
      </Stack>
    </form>
  )
}

function Rotate({ of: k, close }: { of: Key; close: () => void }) {
  const t = useText(settings)
  const c = useText(common)
  const [overlap, setOverlap] = useState('24h')
  const rotate = useKeyChange(() => ask(api.POST('/api/v1/keys/{id}/rotate', { params: { path: { id: k.id }, query: { wait: 'applied' } }, body: { overlap } })))
  if (rotate.data?.secret) return <Handed title={t('keyTitle')} text={t('keyText')} secret={rotate.data.secret} close={close} />
  return (
    <Stack>
      <Text>{t('rotateText', { name: k.name })}</Text>
      <Select data-autofocus label={t('overlap')} allowDeselect={false} data={(['1h', '24h', '168h'] as const).map((value) => ({ value, label: t(`overlap_${value}`) }))} value={overlap} onChange={(to) => setOverlap(to ?? '24h')} comboboxProps={{ shadow: 'md' }} />
      {rotate.error && <ProblemState error={rotate.error} compact />}
      <Group justify="flex-end"><Button variant="default" onClick={close}>{c('cancel')}</Button><Button loading={rotate.isPending} onClick={() => rotate.mutate(undefined)}>{t('rotate')}</Button></Group>
    </Stack>
  )
}

function Revoke({ of: k, close }: { of: Key; close: () => void }) {
  const t = useText(settings)
  const c = useText(common)
  const toasts = useToasts()
  const revoke = useKeyChange(() => ask(api.DELETE('/api/v1/keys/{id}', { params: { path: { id: k.id }, query: { wait: 'applied' } } })))
  return (
    <Stack>
      <Text>{t('revokeText', { name: k.name })}</Text>
      {revoke.error && <ProblemState error={revoke.error} compact />}
      <Group justify="flex-end">
        <Button data-autofocus variant="default" onClick={close}>{c('cancel')}</Button>
        <Button color="red" loading={revoke.isPending} onClick={() => revoke.mutate(undefined, { onSuccess: () => { toasts.done(t('revoked', { name: k.name })); close() } })}>{t('revoke')}</Button>
      </Group>
    </Stack>
  )
}
