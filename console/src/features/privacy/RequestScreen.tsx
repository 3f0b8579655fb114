import { Alert, Button, Card, Group, List, Progress, Stack, Table, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconDownload } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { api, ask, file } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Copy } from '~/shared/ui/Code'
import { download } from '~/shared/ui/download'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { privacy } from './messages'
import { RequestState } from './PrivacyScreen'
import { requestQuery, usePrivacyChange } from './queries'
import type { Request } from './queries'

const route = getRouteApi('/shell/privacy/$id')

/** RequestScreen is one request: how far it is, its file, and the proof of an erasure. */
export function RequestScreen() {
  const { id } = route.useParams()
  const query = useQuery(requestQuery(id))
  return <Async query={query}>{(r) => <One request={r} />}</Async>
}

function One({ request: r }: { request: Request }) {
  const t = useText(privacy)
  const moving = r.state === 'queued' || r.state === 'running'
  return (
    <Page title={`${t(`type_${r.type}`)} ${r.id.replace(/^pr_/, '').slice(0, 8)}`} back={<BackLink to="/privacy">{t('title')}</BackLink>} badge={<RequestState state={r.state} />} lead={<>{t('asked')} <Time at={r.created_at} /></>}>
      <Stack gap="lg" maw={860}>
        {moving && (
          <div aria-live="polite">
            <Progress value={r.steps > 0 ? (100 * r.steps_done) / r.steps : 0} size="lg" aria-label={t(`state_${r.state}`)} />
            <Text size="sm" c="dimmed" mt={6}>{t('step', { done: r.steps_done, all: r.steps })}{r.step && ` · ${r.step}`}</Text>
          </div>
        )}
        {r.error && <Alert color="red" title={t(`state_${r.state}`)}>{r.error} {t('failedNext')}</Alert>}
        {r.type === 'access' && r.state === 'done' && <Export request={r} />}
        {r.proof && <Proof proof={r.proof} id={r.id} />}
      </Stack>
    </Page>
  )
}

function Export({ request: r }: { request: Request }) {
  const t = useText(privacy)
  const toasts = useToasts()
  const navigate = useNavigate()
  const fetch_ = useMutation({ mutationFn: () => file(`/api/v1/privacy/requests/${encodeURIComponent(r.id)}/export`), onSuccess: (zip) => download(zip, `${r.id}.zip`), onError: toasts.failed })
  const close = usePrivacyChange(() => ask(api.DELETE('/api/v1/privacy/requests/{id}', { params: { path: { id: r.id } } })))
  return (
    <Card>
      <Text mb="md">{t('downloadText')}</Text>
      <Group>
        <Button leftSection={<IconDownload size={16} />} loading={fetch_.isPending} onClick={() => fetch_.mutate()}>{t('download')}</Button>
        <Button variant="default" loading={close.isPending} onClick={() => close.mutate(undefined, { onSuccess: () => { toasts.done(t('closed')); void navigate({ to: '/privacy', search: {} }) }, onError: toasts.failed })}>{t('close')}</Button>
      </Group>
    </Card>
  )
}

/** fateOf says whether an audience was told, may be told still, or was not. */
function fateOf(a: Schema['Farewell']): 'told' | 'waits' | 'lost' {
  switch (a.outcome) {
    case 'waiting':
    case 'retrying':
      return 'waits'
    case 'delivered':
    case undefined: // listed no more
      return 'told'
    default:
      return 'lost'
  }
}

function Proof({ proof: p, id }: { proof: Schema['Proof']; id: string }) {
  const t = useText(privacy)
  const f = useFormats()
  const hits = p.scan.log_hits + p.scan.state_hits + (p.scan.files.hits?.length ?? 0)
  const rows: [string, string][] = [
    [t('p_identifiers'), f.number(p.identifiers)],
    [t('p_events'), f.number(p.events)],
    [t('p_rows'), f.number(p.rows)],
    [t('p_destroyed'), f.number(p.log.destroyed)],
    [t('p_redacted'), f.number(p.log.redacted)],
    [t('p_letters'), f.number(p.log.dead_letters)],
    [t('p_searched'), f.number(p.scan.records + p.scan.state_rows)],
    [t('p_files'), f.number(p.scan.files.files)],
    [t('p_hits'), f.number(hits)],
    [t('p_refused'), f.time(p.refused_until)],
  ]
  return (
    <Card component="section">
      <Group justify="space-between" mb="sm">
        <Title order={2}>{t('proof')}</Title>
        <Copy text={JSON.stringify({ request: id, ...p }, null, 2)} label={t('print')} />
      </Group>
      <Group gap={8} mb="md" c={hits === 0 ? 'var(--rp-good)' : 'var(--rp-bad)'}>
        {hits === 0 ? <IconCircleCheck size={20} /> : <IconAlertTriangle size={20} />}
        <Text fw={600} c="inherit">{t(hits === 0 ? 'proofNothing' : 'proofFound')}</Text>
      </Group>
      {p.returned && <Alert color="yellow" mb="md">{t('proofReturned')}</Alert>}
      {p.log.attention > 0 && <Alert color="yellow" mb="md">{t('attention', { count: p.log.attention })}</Alert>}
      <Table variant="vertical" aria-label={t('proof')}>
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}><Table.Th fw={400} w="60%">{name}</Table.Th><Table.Td ta="end" className="rp-num">{value}</Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {p.backups.length > 0 && (
        <Alert color="yellow" mt="md" title={t('backups')}>
          <List size="sm">{p.backups.map((b) => <List.Item key={b.id}>{b.id}: {t('backupUntil', { made: f.date(b.made_at), until: f.date(b.expires_at) })}</List.Item>)}</List>
        </Alert>
      )}
      {(p.delivered.elsewhere?.length ?? 0) > 0 && <Alert color="yellow" mt="md" title={t('elsewhere')}>{t('elsewhereText', { places: (p.delivered.elsewhere ?? []).join(', ') })}</Alert>}
      {p.audiences.length > 0 && (
        <Alert color={p.audiences.some((a) => fateOf(a) === 'lost') ? 'yellow' : 'blue'} mt="md" title={t('audiences')}>
          <List size="sm">{p.audiences.map((a) => <List.Item key={a.delivery}>{t(`audience_${fateOf(a)}`, { destination: a.destination, segment: a.segment, until: f.time(a.until) })}</List.Item>)}</List>
        </Alert>
      )}
      <Text size="sm" c="dimmed" mt="md">{t('keep')}</Text>
    </Card>
  )
}
