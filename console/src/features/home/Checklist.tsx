import { Badge, Button, Card, Group, Loader, Text, Title } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useRouter } from '@tanstack/react-router'
import { sourcesQuery } from '~/features/source/queries'
import { call } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import css from './Home.module.css'
import { home } from './messages'
import { visited } from './visited'

/** useSome tells whether there is at least one of something. */
function useSome(path: string) {
  return useQuery({ queryKey: ['some', path], queryFn: ({ signal }) => call<{ items: unknown[] }>(`${path}?limit=1`, { signal }), staleTime: 15_000, select: (d) => d.items.length > 0 }).data ?? false
}

/** Checklist leads from an empty instance to the first use of what it knows. */
export function Checklist({ received }: { received: number }) {
  const t = useText(home)
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const segments = useSome('/api/v1/segments')
  const destinations = useSome('/api/v1/destinations')
  const source = sources.find((s) => s.write_keys.length > 0)
  const steps = [
    { key: 'source', done: received > 0, title: t('stepSource'), text: t('stepSourceText'), to: source ? `/sources/${source.key}` : '/sources' },
    { key: 'event', done: received > 0, title: t('stepEvent'), text: received > 0 ? t('stepEventDone', { count: received }) : t('stepEventWait'), to: '/live', waits: received === 0 },
    { key: 'person', done: visited('people'), title: t('stepPerson'), text: t('stepPersonText'), to: '/people' },
    { key: 'segment', done: segments, title: t('stepSegment'), text: t('stepSegmentText'), to: '/segments' },
    { key: 'destination', done: destinations, title: t('stepDestination'), text: t('stepDestinationText'), to: '/destinations' },
  ]
  const router = useRouter()
  // Where the console has no screen for a step yet, the step says what to do and leads nowhere.
  const exists = (to: string): boolean => to.startsWith('/sources') || to in router.routesByPath
  const done = steps.filter((s) => s.done).length
  return (
    <Card>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t('checklist')}</Title>
        <Badge color={done === steps.length ? 'green' : 'iris'}>{t('progress', { done, all: steps.length })}</Badge>
      </Group>
      <ol style={{ listStyle: 'none', margin: 0, padding: 0 }}>
        {steps.map((s, i) => (
          <li key={s.key} className={css.step} data-done={s.done || undefined}>
            <span className={css.number} data-done={s.done || undefined}>{s.done ? <IconCheck size={16} aria-label="✓" /> : s.waits ? <Loader size={14} /> : i + 1}</span>
            <div style={{ flex: 1 }} className={css.what}>
              <Text fw={550}>{s.title}</Text>
              <Text size="sm" c="dimmed" aria-live={s.key === 'event' ? 'polite' : undefined}>{s.text}</Text>
            </div>
            {exists(s.to) && (
              <Button component={Link} to={s.to} size="compact-sm" variant={s.done ? 'subtle' : 'light'} aria-label={`${t('open')}: ${s.title}`}>{t('open')}</Button>
            )}
          </li>
        ))}
      </ol>
    </Card>
  )
}
