import { Badge, Card, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { PersonPicker } from '~/features/profile/PersonPicker'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { Json } from '~/shared/ui/Code'
import { experience } from './messages'

/** Shown is what a real person would be shown now, by what is live, and why. Nothing is decided by looking. */
export function Shown({ asks, offer, person, pick }: { asks: { placements?: string[]; experiences?: string[] }; offer?: string; person: string | undefined; pick: (ref: string | undefined) => void }) {
  const t = useText(experience)
  const some = (asks.placements?.length ?? 0) + (asks.experiences?.length ?? 0) > 0
  const result = useQuery({
    queryKey: ['decide', asks, person],
    queryFn: ({ signal }) => ask(api.POST('/api/v1/decide', { body: { profile: person ?? '', explain: true, ...asks }, signal })),
    enabled: person !== undefined && some,
    retry: false,
  })
  return (
    <Stack>
      <div>
        <Title order={2} mb={4}>{t('shownTitle')}</Title>
        <Text c="dimmed">{t(some ? 'shownText' : 'shownNone')}</Text>
      </div>
      {some && <PersonPicker label={t('person')} value={person} change={pick} />}
      {result.error && <ProblemState error={result.error} compact />}
      {result.isFetching && !result.data && <Loading lines={3} />}
      {result.data?.decisions?.map((d, i) => (
        <Card key={i} padding="md">
          <Group gap="sm" mb="sm">
            <Title order={3}>{d.placement ?? d.experience}</Title>
            {d.variant && <Badge>{t('variantIs', { name: d.variant })}</Badge>}
            {d.fallback && <Badge color="yellow">{t('fallback')}</Badge>}
            {d.reason && <Text size="sm" c="dimmed"><code>{d.reason}</code></Text>}
          </Group>
          {offer === undefined ? <Json value={d.content ?? d.items?.map((x) => x.content) ?? null} label={t('content')} height={260} /> : <Chosen items={d.items?.filter((x) => x.offer === offer)} />}
          <Considered rows={[...(d.candidates ?? []).map((c) => ({ name: c.offer, chosen: c.chosen, why: c.reason ?? c.stage })), ...(d.considered ?? []).map((c) => ({ name: c.experience, chosen: c.chosen, why: c.reason ?? c.stage }))].filter((r) => offer === undefined || r.name === offer)} />
        </Card>
      ))}
    </Stack>
  )
}

function Chosen({ items }: { items: { content: unknown }[] | undefined }) {
  const t = useText(experience)
  return items?.[0] ? <Json value={items[0].content} label={t('content')} height={260} /> : null
}

function Considered({ rows }: { rows: { name: string; chosen: boolean; why: string | undefined }[] }) {
  const t = useText(experience)
  if (rows.length === 0) return null
  return (
    <Table mt="sm">
      <Table.Thead><Table.Tr><Table.Th>{t('considered')}</Table.Th><Table.Th w={140}>{t('outcome')}</Table.Th><Table.Th>{t('why')}</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {rows.map((r) => (
          <Table.Tr key={r.name}><Table.Td>{r.name}</Table.Td><Table.Td><Badge color={r.chosen ? 'green' : 'gray'}>{t(r.chosen ? 'chosen' : 'fell')}</Badge></Table.Td><Table.Td lang="en">{r.why ?? ''}</Table.Td></Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
