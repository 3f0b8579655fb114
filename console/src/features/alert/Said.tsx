import { Badge, Button, Card, Group, Stack, Text } from '@mantine/core'
import { IconBellRinging } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Time } from '~/shared/ui/Time'
import { About } from './About'
import { alert } from './messages'
import { saidQuery } from './queries'
import type { Said as Entry } from './queries'

const colors = { fired: 'red', repeated: 'red', recovered: 'green', ended: 'gray', test: 'blue' } as const
const outcomes = { waiting: 'yellow', delivered: 'green', refused: 'red', given_up: 'red' } as const

/** Said is the history: what was said, to whom, and what came of it. */
export function Said({ of }: { of?: string }) {
  const t = useText(alert)
  const c = useText(common)
  const query = useInfiniteQuery(saidQuery(of))
  return (
    <Async query={query} isEmpty={(d) => (d.pages[0]?.items ?? []).length === 0} empty={<Empty title={t('noSaid')} icon={IconBellRinging}>{t('noSaidText')}</Empty>}>
      {(d) => (
        <Stack gap="sm">
          {d.pages.flatMap((p) => p.items ?? []).map((s) => <One key={s.id} entry={s} />)}
          {query.hasNextPage && <Button variant="subtle" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{c('more')}</Button>}
        </Stack>
      )}
    </Async>
  )
}

function One({ entry: s }: { entry: Entry }) {
  const t = useText(alert)
  return (
    <Card padding="md">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group gap="xs"><Badge color={colors[s.state]}>{t(`state_${s.state}`)}</Badge><Text fw={600}>{s.title}</Text><About about={s.about} /></Group>
        <Text size="sm" c="dimmed"><Time at={s.time} /></Text>
      </Group>
      {s.message && <Text size="sm" mt={6}>{s.message}</Text>}
      {s.told.length > 0 && (
        <Stack gap={4} mt="xs">
          {s.told.map((x) => (
            <Group key={x.destination} gap="xs">
              <Text size="sm">{x.destination}</Text>
              <Badge variant="light" color={outcomes[x.outcome]}>{t(`outcome_${x.outcome}`)}</Badge>
              {x.attempts > 1 && <Text size="xs" c="dimmed">{t('attempts', { count: x.attempts })}</Text>}
              {x.reason && <Text size="xs" c="dimmed" lang="en" className="rp-break">{x.reason}</Text>}
            </Group>
          ))}
        </Stack>
      )}
    </Card>
  )
}
