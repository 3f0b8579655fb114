import { Alert, List, Progress, Stack, Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { sizeText } from '~/features/backup/size'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { retention } from './messages'
import type { RetentionText } from './messages'
import { moving, reasons, resultOf } from './queries'
import type { Job, Result } from './queries'

/** Outcome is how far a run is and what it came to. */
export function Outcome({ job: j }: { job: Job }) {
  const t = useText(retention)
  const f = useFormats()
  const share = j.total ? j.done / j.total : 0
  const r = resultOf(j)
  return (
    <Stack gap="sm" aria-live="polite">
      {moving(j) && (
        <div>
          <Progress value={share * 100} animated aria-label={t(`state_${j.state}`)} />
          <Text size="sm" c="dimmed" mt={6}>{t('progress', { percent: f.percent(share) })}</Text>
        </div>
      )}
      {j.error && <Alert color={j.state === 'failed' ? 'red' : 'yellow'} title={t(`state_${j.state}`)}><Text size="sm" className="rp-break" lang="en">{j.error}</Text>{j.state === 'failed' && <Text size="sm">{t('failedNext')}</Text>}</Alert>}
      {r && (!moving(j) || r.events > 0) && <Numbers of={r} />}
    </Stack>
  )
}

function Numbers({ of: r }: { of: Result }) {
  const t = useText(retention)
  const f = useFormats()
  const { language } = useLocale()
  const policies = Object.entries(r.policies).filter(([key]) => key !== '')
  const stays = reasons.filter((k) => (r.kept[k] ?? 0) > 0)
  const rows: [string, string][] = r.events === 0 ? [] : [
    [t('n_events'), f.number(r.events)],
    ...(r.dry_run ? [] : [[t('n_copies'), f.number(r.copies)] satisfies [string, string]]),
    [t('n_bytes'), sizeText(language, r.bytes)],
    [t('n_identifiers'), f.number(r.identifiers)],
    ...(r.oldest ? [[t('n_oldest'), f.date(r.oldest)] satisfies [string, string]] : []),
  ]
  return (
    <>
      <Text fw={600}>{t(r.dry_run ? (r.events ? 'counted' : 'countedNothing') : r.events ? 'tookOut' : 'tookNothing')}</Text>
      {rows.length > 0 && <Sums label={t(r.dry_run ? 'counted' : 'tookOut')} rows={rows} />}
      {policies.length > 1 && <><Text size="sm" fw={550}>{t('byPolicy')}</Text><Sums label={t('byPolicy')} rows={policies.map(([key, n]) => [key, f.number(n)])} /></>}
      {stays.length > 0 && <><Text size="sm" fw={550}>{t('stays')}</Text><Sums label={t('stays')} rows={stays.map((k) => [t(`kept_${k}`), f.number(r.kept[k] ?? 0)])} /></>}
      {r.looks_back.length > 0 && r.events > 0 && (
        <Alert color="yellow" title={t('looksBack')}>
          <Text size="sm">{t('looksBackText')}</Text>
          <List size="sm" mt={6}>{r.looks_back.map((b) => <List.Item key={`${b.kind} ${b.key}`}><Back t={t} of={b} /></List.Item>)}</List>
        </Alert>
      )}
    </>
  )
}

function Sums({ label, rows }: { label: string; rows: [string, string][] }) {
  return (
    <Table variant="vertical" aria-label={label}>
      <Table.Tbody>{rows.map(([name, n]) => <Table.Tr key={name}><Table.Th fw={400} w="65%">{name}</Table.Th><Table.Td ta="end" className="rp-num">{n}</Table.Td></Table.Tr>)}</Table.Tbody>
    </Table>
  )
}

function Back({ t, of: b }: { t: RetentionText; of: Result['looks_back'][number] }) {
  const to = { segment: '/segments/', experiment: '/experiments/', computed_trait: '', affinity: '' }[b.kind]
  return <>{t(`back_${b.kind}`)} {to ? <Link to={to + encodeURIComponent(b.key)}>{b.key}</Link> : <code>{b.key}</code>}{b.effect === 'results' && `: ${t('back_results')}`}</>
}
