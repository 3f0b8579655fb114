import { Alert, Badge, Button, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconFingerprint } from '@tabler/icons-react'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { FormEvent } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { gaveUp, hasOne, makePasskey } from './passkey'
import { settings } from './settingsMessages'
import { waysQuery } from './ways'

type Passkey = Schema['PasskeyView']

const passkeysQuery = queryOptions({
  queryKey: ['session', 'passkeys'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/session/passkeys', { params: { query: { limit: 100 } }, signal })),
})

/** Passkeys are those of whoever is signed in. */
export function Passkeys() {
  const t = useText(settings)
  const ways = useQuery(waysQuery)
  const query = useQuery(passkeysQuery)
  const [open, setOpen] = useState<Passkey | 'new'>()
  const able = ways.data?.passkeys && 'PublicKeyCredential' in window
  return (
    <Paper withBorder p="md" radius="md">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Title order={2} size="h4">{t('passkeys')}</Title>
          <Text size="sm" c="dimmed">{t('passkeysLead')}</Text>
        </div>
        {able && <Button flex="none" leftSection={<IconFingerprint size={16} />} onClick={() => setOpen('new')}>{t('passkeyNew')}</Button>}
      </Group>
      {ways.data && !able && <Alert color="yellow" mt="sm">{t('passkeysNot')}</Alert>}
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Text size="sm" mt="sm">{t('passkeysNone')}</Text>}>
        {({ items }) => (
          <Stack component="ul" gap="xs" mt="sm" p={0} m={0} style={{ listStyle: 'none' }}>
            {items.map((k) => <Row key={k.id} passkey={k} rename={() => setOpen(k)} />)}
          </Stack>
        )}
      </Async>
      <Dialog opened={open !== undefined} close={() => setOpen(undefined)} title={open === 'new' ? t('passkeyNew') : t('passkeyRename')}>
        {open && <Form passkey={open === 'new' ? undefined : open} close={() => setOpen(undefined)} />}
      </Dialog>
    </Paper>
  )
}

function Row({ passkey: k, rename }: { passkey: Passkey; rename: () => void }) {
  const t = useText(settings)
  const toasts = useToasts()
  const queries = useQueryClient()
  const drop = useMutation({
    mutationFn: () => ask(api.DELETE('/api/v1/session/passkeys/{id}', { params: { path: { id: k.id } } })),
    onSuccess: () => toasts.done(t('passkeyDropped', { name: k.name })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['session'] }),
  })
  return (
    <li>
      <Group justify="space-between" wrap="nowrap">
        <div>
          <Group gap="xs">
            <Text fw={550} size="sm">{k.name}</Text>
            {k.syncs && <Badge variant="light" color="gray">{t('passkeySyncs')}</Badge>}
            {!k.here && <Badge color="yellow">{t('passkeyElsewhere')}</Badge>}
          </Group>
          <Text size="xs" c="dimmed">{t('passkeyUsed')}: {k.last_used_at ? <Time at={k.last_used_at} /> : t('passkeyNever')}</Text>
        </div>
        <Group gap="xs" wrap="nowrap">
          <Button variant="subtle" size="xs" aria-label={`${t('passkeyRename')}: ${k.name}`} onClick={rename}>{t('passkeyRename')}</Button>
          <Button variant="default" size="xs" aria-label={`${t('passkeyDrop')}: ${k.name}`} loading={drop.isPending} onClick={() => drop.mutate()}>{t('passkeyDrop')}</Button>
        </Group>
      </Group>
      {drop.error && <ProblemState error={drop.error} compact />}
    </li>
  )
}

function Form({ passkey: k, close }: { passkey: Passkey | undefined; close: () => void }) {
  const t = useText(settings)
  const c = useText(common)
  const toasts = useToasts()
  const queries = useQueryClient()
  const [name, setName] = useState(k?.name ?? t('passkeyMine'))
  const save = useMutation({
    mutationFn: async () => {
      if (k) return ask(api.PUT('/api/v1/session/passkeys/{id}', { params: { path: { id: k.id } }, body: { name } }))
      const { ticket, options } = await ask(api.POST('/api/v1/session/passkeys/begin'))
      return ask(api.POST('/api/v1/session/passkeys', { body: { ticket, name, credential: await makePasskey(options) } }))
    },
    onSuccess: () => {
      if (!k) toasts.done(t('passkeyAdded', { name }))
      close()
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['session'] }),
  })
  const submit = (e: FormEvent): void => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={t('passkeyName')} description={t('passkeyNameHint')} required withAsterisk={false} maxLength={100} data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
        {save.error && (save.error instanceof DOMException
          ? <Alert color="yellow">{t(hasOne(save.error) ? 'passkeyHasOne' : gaveUp(save.error) ? 'passkeyGaveUp' : 'passkeysNot')}</Alert>
          : <ProblemState error={save.error} compact />)}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={save.isPending}>{k ? c('save') : t('passkeyNew')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
