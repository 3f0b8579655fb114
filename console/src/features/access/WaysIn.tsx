import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { useToasts } from '~/shared/ui/undo'
import { settings } from './settingsMessages'
import { waysQuery } from './ways'

type Way = 'openid' | 'passkeys'

/** WaysIn is how a member comes in beside a password, for an admin to take away. */
export function WaysIn({ member: m }: { member: Schema['MemberView'] }) {
  const t = useText(settings)
  const provider = useQuery(waysQuery).data?.openid?.name ?? t('waysProvider')
  if (!m.openid && m.passkeys === 0) return null
  return (
    <Paper withBorder p="md" radius="md" component="section">
      <Title order={3} size="h4">{t('waysIn')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('waysInHint')}</Text>
      <Stack gap="sm">
        {m.openid && <Row member={m} way="openid" label={t('provider', { name: provider })} />}
        {m.passkeys > 0 && <Row member={m} way="passkeys" label={t('waysPasskeys', { count: m.passkeys })} />}
      </Stack>
    </Paper>
  )
}

/** Row takes one way away, and asks first: only the member can bring it back. */
function Row({ member: m, way, label }: { member: Schema['MemberView']; way: Way; label: string }) {
  const t = useText(settings)
  const c = useText(common)
  const toasts = useToasts()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const path = { id: m.id }
  const drop = useMutation({
    mutationFn: () => ask(way === 'openid' ? api.DELETE('/api/v1/members/{id}/openid', { params: { path } }) : api.DELETE('/api/v1/members/{id}/passkeys', { params: { path } })),
    onSuccess: () => toasts.done(t(way === 'openid' ? 'waysParted' : 'waysDropped', { name: m.name })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['members'] }),
  })
  const take = t(way === 'openid' ? 'part' : 'passkeyDrop')
  return (
    <div>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={550}>{label}</Text>
        {asking ? (
          <Group gap="xs" wrap="nowrap">
            <Button size="xs" color="red" loading={drop.isPending} onClick={() => drop.mutate()}>{t('waysSure', { what: take })}</Button>
            <Button size="xs" variant="default" autoFocus onClick={() => setAsking(false)}>{c('cancel')}</Button>
          </Group>
        ) : (
          <Button size="xs" variant="default" aria-label={`${take}: ${label}`} onClick={() => setAsking(true)}>{take}</Button>
        )}
      </Group>
      {drop.error && <ProblemState error={drop.error} compact />}
    </div>
  )
}
