import { Card, Stack, Table, Text, Title } from '@mantine/core'
import { IconChartBar } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import { UsedBy } from '~/shared/definition/UsedBy'
import { useMentions } from '~/shared/definition/useMentions'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Code } from '~/shared/ui/Code'
import { useToasts } from '~/shared/ui/undo'
import { experience } from './messages'
import { PlacementForm } from './PlacementForm'
import { placement } from './placementMessages'
import { slotOf } from './PlacementsScreen'
import { oneQuery, save, useThingChange } from './queries'
import type { Placement, Stored } from './queries'
import { Shown } from './Shown'
import { Thing } from './Thing'

const route = getRouteApi('/shell/placements/$key')

/** PlacementScreen is one place: where it is, what may fill it, what a person sees in it, and what came of that. */
export function PlacementScreen() {
  const { key } = route.useParams()
  const { tab, person } = route.useSearch()
  const query = useQuery(oneQuery<Placement>('placements', key))
  return (
    <Async query={query}>
      {(s) => <Thing kind="placements" stored={s} tab={tab} person={person} panels={{ edit: <Edit key={s.version} stored={s} />, preview: <Preview stored={s} person={person} />, results: <Results of={s.key} /> }} />}
    </Async>
  )
}

function Edit({ stored: s }: { stored: Stored<Placement> }) {
  const t = useText(experience)
  const toasts = useToasts()
  const users = useMentions(['placements', s.key], ['placement', 'offers'])
  const put = useThingChange('placements', (d: Placement) => save('placements', s.key, d))
  return (
    <Stack gap="lg">
      <UsedBy users={users} />
      <PlacementForm document={s.document} saving={put.isPending} error={put.error} label={t('saveDraft')} save={(d) => void put.mutateAsync(d).then((x) => toasts.done(t('saved', { version: x.version })), () => undefined)} />
    </Stack>
  )
}

function Preview({ stored: s, person }: { stored: Stored<Placement>; person: string | undefined }) {
  const t = useText(placement)
  const navigate = useNavigate()
  const { selector } = s.document
  return (
    <Stack gap="xl" maw={860}>
      <Stack gap="xs">
        <Title order={2}>{t('onPage')}</Title>
        <Text c="dimmed">{t(selector ? 'onPageSelector' : 'onPageSlot')}</Text>
        <Code wrap text={selector ?? slotOf(s.key)} label={t('where')} />
      </Stack>
      <Shown asks={{ placements: s.live_version === null ? [] : [s.key] }} person={person} pick={(ref) => void navigate({ to: '/placements/$key', params: { key: s.key }, search: { tab: 'preview', ...(ref ? { person: ref } : {}) }, replace: true })} />
    </Stack>
  )
}

function Results({ of }: { of: string }) {
  const t = useText(experience)
  const p = useText(placement)
  const f = useFormats()
  const query = useQuery({ queryKey: ['placements', of, 'results'], queryFn: ({ signal }) => ask(api.GET('/api/v1/placements/{key}/results', { params: { path: { key: of } }, signal })), refetchInterval: 3_000 })
  return (
    <Async query={query} isEmpty={(r) => (r.offers ?? []).length === 0} empty={<Empty title={t('noResults')} icon={IconChartBar}>{p('noResultsText')}</Empty>}>
      {(r) => (
        <Card padding={0}>
          <Table.ScrollContainer minWidth={640}>
            <Table>
              <Table.Thead>
                <Table.Tr><Table.Th>{p('offer')}</Table.Th><Table.Th ta="end">{t('people')}</Table.Th><Table.Th ta="end">{t('impressions')}</Table.Th><Table.Th ta="end">{t('clicks')}</Table.Th><Table.Th ta="end">{t('accepted')}</Table.Th></Table.Tr>
              </Table.Thead>
              <Table.Tbody className="rp-num">
                {r.offers?.map((o) => (
                  <Table.Tr key={o.offer}>
                    <Table.Td><Text fw={550} size="sm">{o.offer}</Text></Table.Td>
                    <Table.Td ta="end">{f.number(o.people)}</Table.Td>
                    <Table.Td ta="end">{f.number(o.impressions)}</Table.Td>
                    <Table.Td ta="end">{f.number(o.clicks)}{o.impressions > 0 && <Text span size="xs" c="dimmed"> {f.percent(o.clicks / o.impressions)}</Text>}</Table.Td>
                    <Table.Td ta="end">{f.number(o.accepted)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Card>
      )}
    </Async>
  )
}
