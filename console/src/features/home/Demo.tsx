import { Alert, Button, Card, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconBuildingStore } from '@tabler/icons-react'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useSession } from '~/features/access/session'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { home } from './messages'

type Shop = Schema['DemoView']

const moving = (s: Shop | undefined): boolean => s?.state === 'loading' || s?.state === 'removing'

/** demoQuery goes on asking while the instance starts anew, as it does after a removal. */
const demoQuery = queryOptions({
  queryKey: ['demo'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/demo', { signal })),
  refetchInterval: (q) => (moving(q.state.data) ? 700 : 30_000),
  retry: false,
})

/** Demo loads a made-up shop to look around in, and removes it. */
export function Demo() {
  const t = useText(home)
  const { data: shop } = useQuery(demoQuery)
  const queries = useQueryClient()
  const state = shop?.state
  const before = useRef(state)
  useEffect(() => {
    // What is on any screen is another thing once the shop has come or gone.
    if (before.current && state !== before.current) void queries.invalidateQueries()
    before.current = state
  }, [state, queries])
  if (!shop) return null
  return (
    <Card component="section" aria-labelledby="demo-shop">
      <Group gap="xs" mb="xs">
        <IconBuildingStore size={20} aria-hidden />
        <Title order={2} id="demo-shop">{t('demo')}</Title>
      </Group>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t(shop.state === 'present' || shop.state === 'removing' ? 'demoThere' : 'demoText')}</Text>
        <div aria-live="polite"><Standing of={shop} /></div>
        {!moving(shop) && <Action of={shop} />}
      </Stack>
    </Card>
  )
}

function Standing({ of: s }: { of: Shop }) {
  const t = useText(home)
  const f = useFormats()
  return (
    <Stack gap={6}>
      {moving(s) && <Progress value={s.state === 'removing' ? 100 : (100 * s.events) / Math.max(1, s.planned_events)} animated={s.state === 'removing'} size="lg" aria-label={t(s.state === 'removing' ? 'demoRemoving' : 'demoLoading')} />}
      {s.state === 'loading' && <Text size="sm">{t('demoLoadingText', { events: f.number(s.events), planned: f.number(s.planned_events) })}</Text>}
      {s.state === 'loading' && s.begun > 1 && <Text size="sm">{t('demoAgain')}</Text>}
      {s.state === 'removing' && <Text size="sm">{t('demoRemovingText')}</Text>}
      {s.state === 'present' && <Text size="sm">{t('demoCounts', { events: f.number(s.events), items: f.number(s.items), definitions: f.number(s.definitions.length) })}</Text>}
      {s.state === 'present' && s.kept.length > 0 && <Text size="sm">{t('demoKept', { keys: s.kept.join(', ') })}</Text>}
      {s.state === 'present' && !s.complete && <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={t('demoPart')}>{s.error}</Alert>}
      {s.state !== 'present' && s.error && <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={t('demoTrouble')}>{s.error}</Alert>}
    </Stack>
  )
}

/** Action is the one thing to do now; whoever may not is told by the server. */
function Action({ of: s }: { of: Shop }) {
  const t = useText(home)
  const toasts = useToasts()
  const queries = useQueryClient()
  const { session } = useSession()
  const [asking, setAsking] = useState(false)
  const change = useMutation({
    mutationFn: (remove: boolean) => ask(remove ? api.DELETE('/api/v1/demo') : api.POST('/api/v1/demo')),
    onSuccess: (now) => queries.setQueryData(demoQuery.queryKey, now),
    onError: toasts.failed,
    onSettled: () => setAsking(false),
  })
  // A member who is no admin may look only; a key without the scope is told so.
  if (typeof session === 'object' && session.id && !session.roles.includes('admin')) return <Text size="sm" c="dimmed">{t('demoAdmin')}</Text>
  if (s.state === 'absent') return <div><Button loading={change.isPending} onClick={() => change.mutate(false)}>{t('demoLoad')}</Button></div>
  if (!asking) return <div><Button variant="default" onClick={() => setAsking(true)}>{t('demoRemove')}</Button></div>
  return (
    <Stack gap="xs" role="group" aria-labelledby="demo-sure" onKeyDown={(e) => { if (e.key === 'Escape') setAsking(false) }}>
      <Text size="sm" fw={550} id="demo-sure">{t('demoSure')}</Text>
      <Group gap="xs">
        <Button color="red" loading={change.isPending} onClick={() => change.mutate(true)}>{t('demoSureRemove')}</Button>
        <Button variant="default" autoFocus onClick={() => setAsking(false)}>{t('demoStay')}</Button>
      </Group>
    </Stack>
  )
}
