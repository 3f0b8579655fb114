import { Card, Group, List, Stack, Text, Title } from '@mantine/core'
import { IconChartPie, IconCheck, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useSegmentNames } from '~/features/segment/queries'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { page } from './pageMessages'
import { standingQuery } from './queries'

type One = NonNullable<Schema['PersonSegments']['items']>[number]

/** Standing is which segments the person is in, which not, and why. */
export function Standing({ refer }: { refer: string }) {
  const t = useText(page)
  const query = useQuery(standingQuery(refer))
  return (
    <Async query={query}>
      {(d) => (
        <Stack gap="lg">
          {(d.items ?? []).length === 0 ? <Empty compact title={t('nowhere')} icon={IconChartPie}>{t('nowhereText')}</Empty> : <Part title={t('isIn')} all={d.items ?? []} />}
          {(d.others ?? []).length > 0 && <Part title={t('isOut')} all={d.others ?? []} />}
        </Stack>
      )}
    </Async>
  )
}

function Part({ title, all }: { title: string; all: readonly One[] }) {
  const t = useText(page)
  const f = useFormats()
  const name = useSegmentNames()
  return (
    <section>
      <Title order={2} mb="sm">{title}</Title>
      <Stack gap="sm">
        {all.map((s) => (
          <Card key={s.key} padding="md">
            <Group justify="space-between" mb={6}>
              <Text fw={600} title={s.key}>{name(s.key)}</Text>
              <Text size="sm" c="dimmed">
                {s.since && t('since', { time: f.time(s.since) })} {s.until && t('until', { time: f.time(s.until) })}
              </Text>
            </Group>
            {s.why && <Explained why={s.why} />}
          </Card>
        ))}
      </Stack>
    </section>
  )
}

/** Explained is a condition as a tree, with what holds of it and the person's values. */
export function Explained({ why }: { why: Schema['Explanation'] }) {
  return (
    <div>
      <Group gap={8} wrap="nowrap" align="flex-start">
        {why.holds ? <IconCheck size={17} color="var(--rp-good)" aria-label="✓" /> : <IconX size={17} color="var(--rp-bad)" aria-label="✗" />}
        <Text size="sm" className="rp-break">{why.sentence}{why.value !== undefined && <Text span size="sm" fw={600}> ({why.value})</Text>}</Text>
      </Group>
      {why.parts && why.parts.length > 0 && (
        <List listStyleType="none" spacing={4} mt={4} ms={26}>
          {why.parts.map((part, i) => <List.Item key={i}><Explained why={part} /></List.Item>)}
        </List>
      )}
    </div>
  )
}
