import { Button, Card, Group, Stack, Table, Text } from '@mantine/core'
import { IconChartBar, IconLink } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Code } from '~/shared/ui/Code'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { ExperienceForm } from './ExperienceForm'
import { experience } from './messages'
import { oneQuery, resultsOf, save, useThingChange } from './queries'
import type { Experience, Stored } from './queries'
import { Shown } from './Shown'
import { Thing } from './Thing'

const route = getRouteApi('/shell/experiences/$key')

/** ExperienceScreen is one experience: written, previewed, counted. */
export function ExperienceScreen() {
  const { key } = route.useParams()
  const { tab, person } = route.useSearch()
  const query = useQuery(oneQuery<Experience>('experiences', key))
  return (
    <Async query={query}>
      {(s) => <Thing kind="experiences" stored={s} tab={tab} person={person} panels={{ edit: <Edit key={s.version} stored={s} />, preview: <Preview stored={s} person={person} />, results: <Results of={s.key} /> }} />}
    </Async>
  )
}

function Edit({ stored: s }: { stored: Stored<Experience> }) {
  const t = useText(experience)
  const toasts = useToasts()
  const put = useThingChange('experiences', (d: Experience) => save('experiences', s.key, d))
  return <ExperienceForm document={s.document} saving={put.isPending} error={put.error} label={t('saveDraft')} save={(d) => void put.mutateAsync(d).then((x) => toasts.done(t('saved', { version: x.version })), () => undefined)} />
}

function Preview({ stored: s, person }: { stored: Stored<Experience>; person: string | undefined }) {
  const t = useText(experience)
  const toasts = useToasts()
  const navigate = useNavigate()
  const [made, setMade] = useState<Record<string, Schema['PreviewView']>>({})
  const make = useThingChange('experiences', (variant: string) => call<Schema['PreviewView']>(`/api/v1/experiences/${encodeURIComponent(s.key)}/preview`, { method: 'POST', body: { variant, version: s.version } }))
  const { placement, type } = s.document
  return (
    <Stack gap="xl" maw={860}>
      <Stack>
        <Text c="dimmed">{t('previewLead')}</Text>
        {s.document.variants.map((v) => {
          const link = made[v.key]
          return (
            <Card key={v.key} padding="md">
              <Group justify="space-between">
                <Text fw={550}>{v.key}</Text>
                <Button size="xs" variant="default" leftSection={<IconLink size={14} />} onClick={() => make.mutate(v.key, { onSuccess: (l) => setMade((was) => ({ ...was, [v.key]: l })), onError: toasts.failed })}>{t('makeLink')}</Button>
              </Group>
              {link && (
                <Stack gap={4} mt="sm">
                  <Code wrap text={`?rapport_preview=${link.token}`} label={t('previewOf', { name: v.key })} />
                  <Text size="xs" c="dimmed">{t('append')} · {t('validUntil')} <Time exact at={link.until} /></Text>
                </Stack>
              )}
            </Card>
          )
        })}
      </Stack>
      <Shown asks={type === 'web' && placement ? { placements: [placement] } : { experiences: [s.key] }} person={person} pick={(ref) => void navigate({ to: '/experiences/$key', params: { key: s.key }, search: { tab: 'preview', ...(ref ? { person: ref } : {}) }, replace: true })} />
    </Stack>
  )
}

function Results({ of }: { of: string }) {
  const t = useText(experience)
  const f = useFormats()
  const query = useQuery({ queryKey: ['experiences', of, 'results'], queryFn: ({ signal }) => resultsOf(of, signal), refetchInterval: 3_000 })
  return (
    <Async query={query} isEmpty={(r) => (r.variants ?? []).length === 0} empty={<Empty title={t('noResults')} icon={IconChartBar}>{t('noResultsText')}</Empty>}>
      {(r) => (
        <Card padding={0}>
          <Table.ScrollContainer minWidth={720}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('variant')}</Table.Th><Table.Th ta="end">{t('people')}</Table.Th><Table.Th ta="end">{t('impressions')}</Table.Th><Table.Th ta="end">{t('clicks')}</Table.Th>
                  <Table.Th ta="end">{t('accepted')}</Table.Th><Table.Th>{t('goals')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody className="rp-num">
                {r.variants?.map((v) => (
                  <Table.Tr key={`${v.variant} ${v.version}`}>
                    <Table.Td><Text fw={550} size="sm">{v.variant}</Text><Text size="xs" c="dimmed">{t('version', { version: v.version })}</Text></Table.Td>
                    <Table.Td ta="end">{f.number(v.people)}</Table.Td>
                    <Table.Td ta="end">{f.number(v.impressions)}</Table.Td>
                    <Table.Td ta="end">{f.number(v.clicks)}{v.impressions > 0 && <Text span size="xs" c="dimmed"> {f.percent(v.clicks / v.impressions)}</Text>}</Table.Td>
                    <Table.Td ta="end">{f.number(v.accepted)}</Table.Td>
                    <Table.Td>{v.goals?.map((g) => <Text key={g.goal} size="sm">{g.goal}: {f.number(g.people)} ({f.percent(g.rate)}){Object.entries(g.revenue ?? {}).map(([currency, sum]) => ` · ${f.number(sum)} ${currency}`)}</Text>)}</Table.Td>
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
