import { Alert, Button, Card, Group, Progress, Stack, Table, Tabs, Text, Title } from '@mantine/core'
import { IconCircleCheck, IconDownload } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { BackLink } from '~/shared/ui/BackLink'
import { download } from '~/shared/ui/download'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import css from './Feed.module.css'
import { ImportState } from './ImportState'
import { feed } from './messages'
import { importQuery, reportQuery } from './queries'
import type { Import } from './queries'
import { importTabs } from './routes'
import type { ImportTab } from './routes'

const route = getRouteApi('/shell/imports/$id')

/** ImportScreen is one table: how far it is, and what became of its rows. */
export function ImportScreen() {
  const { id } = route.useParams()
  const query = useQuery(importQuery(id))
  return <Async query={query}>{(i) => <One of={i} />}</Async>
}

const ended = (i: Import): boolean => i.state === 'done' || i.state === 'failed' || i.state === 'cancelled'

function One({ of: i }: { of: Import }) {
  const t = useText(feed)
  const { tab = 'rows' } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void => void navigate({ to: '/imports/$id', params: { id: i.id }, search: to === 'rows' ? {} : { tab: to as ImportTab }, replace: true })
  return (
    <Page title={i.name || i.id} back={<BackLink to="/imports">{t('imports')}</BackLink>} badge={<ImportState state={i.state} />} lead={<>{t('source')} {i.source} · <Time at={i.created_at} /></>} actions={!ended(i) && <May area="imports"><Cancel of={i} /></May>}>
      {i.error && <Alert color="red" mb="lg" title={t('state_failed')}>{i.error}</Alert>}
      <Stack gap="lg">
        {!ended(i) && <Moving of={i} />}
        <Sums of={i} />
        <Tabs value={tab} onChange={show} keepMounted={false}>
          <Tabs.List mb="lg">{importTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}</Tabs.List>
          <Tabs.Panel value="rows">{ended(i) && <Report of={i} />}</Tabs.Panel>
          <Tabs.Panel value="mapping"><YamlTab document={i.mapping_document} /></Tabs.Panel>
        </Tabs>
      </Stack>
    </Page>
  )
}

function Moving({ of: i }: { of: Import }) {
  const t = useText(feed)
  const f = useFormats()
  const share = i.size > 0 ? (100 * i.bytes_read) / i.size : 0
  return (
    <div aria-live="polite">
      <Progress value={share} aria-label={t(`state_${i.state}`)} size="lg" />
      <Text size="sm" c="dimmed" mt={6}>
        {t('progress', { rows: i.sums.rows, rate: f.number(Math.round(i.rows_per_second)) })}
        {i.remaining_seconds > 0 && <> · {t('remaining', { time: f.span(i.remaining_seconds * 1000) })}</>}
      </Text>
    </div>
  )
}

function Sums({ of: i }: { of: Import }) {
  const t = useText(feed)
  const f = useFormats()
  return (
    <div className={css.sums}>
      {(['rows', 'inserted', 'updated', 'unchanged', 'conflict', 'failed'] as const).map((name) => (
        <Card key={name} padding="md" title={name === 'conflict' ? t('conflictHint') : undefined}>
          <Text size="sm" c="dimmed">{t(name)}</Text>
          <Text fz={22} fw={620} className="rp-num" c={name === 'failed' && i.sums.failed > 0 ? 'var(--rp-bad)' : undefined}>{f.number(i.sums[name])}</Text>
        </Card>
      ))}
    </div>
  )
}

const most = 200

function Report({ of: i }: { of: Import }) {
  const t = useText(feed)
  const report = useQuery(reportQuery(i.id, i.sums.rows))
  return (
    <Async query={report} isEmpty={({ rows }) => rows.length === 0} empty={<Empty compact title={t('reportNone')} icon={IconCircleCheck} tone="green" />}>
      {({ text, rows }) => (
        <Stack gap="sm">
          <Group justify="space-between">
            <Title order={2} size="h3">{t('report')}</Title>
            <Button variant="default" leftSection={<IconDownload size={16} />} onClick={() => download(new Blob([text], { type: 'text/csv' }), `import-${i.id}.csv`)}>{t('download')}</Button>
          </Group>
          {rows.length > most && <Text size="sm" c="dimmed">{t('reportMost', { count: most })}</Text>}
          <Card padding={0}>
            <Table.ScrollContainer minWidth={760}>
              <Table>
                <Table.Thead>
                  <Table.Tr><Table.Th>{t('line')}</Table.Th><Table.Th>{t('column')}</Table.Th><Table.Th>{t('value')}</Table.Th><Table.Th>{t('reason')}</Table.Th><Table.Th>{t('mend')}</Table.Th></Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.slice(0, most).map((r, n) => (
                    <Table.Tr key={n}>
                      <Table.Td className="rp-num">{r.line}</Table.Td>
                      <Table.Td>{r.column}</Table.Td>
                      <Table.Td className="rp-break"><code>{r.value}</code></Table.Td>
                      <Table.Td>{r.reason}</Table.Td>
                      <Table.Td c="dimmed">{r.mend}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Card>
        </Stack>
      )}
    </Async>
  )
}

function Cancel({ of: i }: { of: Import }) {
  const t = useText(feed)
  const toasts = useToasts()
  const queries = useQueryClient()
  const cancel = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id: i.job } } })),
    onSuccess: () => toasts.done(t('cancelled')),
    onError: toasts.failed,
    onSettled: () => queries.invalidateQueries({ queryKey: ['imports'] }),
  })
  return <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>{t('cancel')}</Button>
}
