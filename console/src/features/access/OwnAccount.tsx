import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { ProblemState } from '~/shared/states/ProblemState'
import { useToasts } from '~/shared/ui/undo'
import { RefusedElsewhere } from './Door'
import { Passkeys } from './Passkeys'
import { useSession } from './session'
import { settings } from './settingsMessages'
import { waysQuery } from './ways'

const ownQuery = queryOptions({
  queryKey: ['session', 'own'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/session', { signal })),
})

/** OwnAccount is how whoever is signed in comes in. */
export function OwnAccount() {
  const t = useText(settings)
  const { session } = useSession()
  if (typeof session === 'string' || !session.id) return <Text c="dimmed">{t('accountKey')}</Text>
  return (
    <Stack maw={640}>
      <RefusedElsewhere />
      <Passkeys />
      <Provider />
    </Stack>
  )
}

function Provider() {
  const t = useText(settings)
  const toasts = useToasts()
  const queries = useQueryClient()
  const ways = useQuery(waysQuery)
  const own = useQuery(ownQuery)
  const name = ways.data?.openid?.name ?? ''
  const connect = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/session/openid/link')),
    onSuccess: ({ url }) => location.assign(url),
  })
  const part = useMutation({
    mutationFn: () => ask(api.DELETE('/api/v1/session/openid')),
    onSuccess: () => toasts.done(t('parted', { name })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['session', 'own'] }),
  })
  if (ways.data && !ways.data.openid) return <Text c="dimmed">{t('providerNone')}</Text>
  return (
    <Async query={own}>
      {({ member }) => (
        <Paper withBorder p="md" radius="md">
          <Group justify="space-between" wrap="nowrap">
            <div>
              <Title order={2} size="h4">{t('provider', { name })}</Title>
              <Text size="sm" c="dimmed">{t(member.openid ? 'providerOn' : 'providerOff')}</Text>
            </div>
            {member.openid
              ? <Button variant="default" loading={part.isPending} onClick={() => part.mutate()}>{t('part')}</Button>
              : <Button loading={connect.isPending} onClick={() => connect.mutate()}>{t('connect')}</Button>}
          </Group>
          {(connect.error ?? part.error) && <ProblemState error={connect.error ?? part.error} compact />}
        </Paper>
      )}
    </Async>
  )
}
