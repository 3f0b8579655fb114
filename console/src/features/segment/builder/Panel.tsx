import { Alert, Card, Group, Loader, Progress, Skeleton, Stack, Text, Title, VisuallyHidden } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { nameOf } from '~/features/profile/name'
import { problemOf } from '~/shared/api/problem'
import { memo } from 'react'
import { useFormats, useText } from '~/shared/i18n'
import { countQuery, segmentName, segmentsQuery } from '../queries'
import type { Preview } from '../queries'
import css from './Builder.module.css'
import { segment } from '../messages'

/** Panel says whom the condition holds for at this moment. */
export const Panel = memo(function Panel({ preview, error, busy, asked, unfinished, sentence, of }: { preview: Preview | undefined; error: Error | null; busy: boolean; asked: boolean; of: string | undefined; unfinished: number; sentence: string }) {
  const t = useText(segment)
  return (
    <Card className={css.side} padding="md" component="aside" aria-label={t('preview')}>
      <Stack gap="md">
        {!asked && <Text c="dimmed" size="sm">{t('previewNothing')}</Text>}
        {asked && error && <Alert color="red" role="alert" title={t('previewRefused')}>{problemOf(error).document.detail || t('previewFailed')}</Alert>}
        {asked && !error && !preview && <Stack gap="xs" aria-busy="true"><Skeleton height={32} width="50%" /><Skeleton height={12} /><Skeleton height={12} width="70%" /></Stack>}
        {asked && !error && preview && <Shown preview={preview} busy={busy} />}
        {unfinished > 0 && asked && <Text size="sm" c="dimmed">{t('unfinished', { count: unfinished })}</Text>}
        {asked && sentence && (
          <div>
            <Title order={2} size="h3" mb={4}>{t('inWords')}</Title>
            <Text size="sm" className="rp-break">{sentence}</Text>
          </div>
        )}
        {asked && !error && preview && <Who preview={preview} />}
        {asked && !error && preview && <Overlap preview={preview} of={of} />}
      </Stack>
    </Card>
  )
})

function Shown({ preview: p, busy }: { preview: Preview; busy: boolean }) {
  const t = useText(segment)
  const f = useFormats()
  const counted = useQuery(countQuery(p.count?.id))
  const settled = counted.data?.state === 'done' && counted.data.total !== null ? counted.data.total : undefined
  const exact = p.exact || settled !== undefined
  const total = settled ?? p.total
  return (
    <div aria-live="polite" aria-atomic="true" data-total={total}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <div className={css.total}>{exact ? f.number(total) : t('about', { count: f.number(total) })}</div>
          <Text size="sm" c="dimmed">{t('ofPeople', { count: total, share: f.percent(p.people ? total / p.people : 0), people: p.people })}</Text>
        </div>
        {busy && <Loader size="xs" aria-label={t('counting')} />}
      </Group>
      <Progress mt="xs" size="sm" value={p.people ? (100 * total) / p.people : 0} aria-label={t('share')} />
      <Text size="xs" c="dimmed" mt={6}>
        {exact ? t('exact') : t('estimate', { low: p.interval?.[0] ?? 0, high: p.interval?.[1] ?? 0 })}
        {p.coverage < 1 && ` ${t('coverage', { share: f.percent(p.coverage) })}`}
      </Text>
      <VisuallyHidden>{t('preview')}</VisuallyHidden>
    </div>
  )
}

function Who({ preview: p }: { preview: Preview }) {
  const t = useText(segment)
  const samples = p.samples ?? []
  if (samples.length === 0) return null
  return (
    <div>
      <Title order={2} size="h3" mb={4}>{t('samples')}</Title>
      <Stack gap={0}>
        {samples.slice(0, 8).map((s) => (
          <Link key={s.id} to="/people/$ref" params={{ ref: s.id }} className="rp-ellipsis" style={{ fontSize: 'var(--mantine-font-size-sm)', lineHeight: '24px' }}>{nameOf(s.identifiers, s.id)}</Link>
        ))}
      </Stack>
    </div>
  )
}

function Overlap({ preview: p, of: own }: { preview: Preview; of: string | undefined }) {
  const t = useText(segment)
  const f = useFormats()
  const all = useQuery(segmentsQuery).data?.items ?? []
  const shared = (p.overlap ?? []).filter((o) => o.total > 0 && o.segment !== own).sort((a, b) => b.total - a.total).slice(0, 6)
  if (shared.length === 0) return null
  return (
    <div>
      <Title order={2} size="h3" mb={4}>{t('overlap')}</Title>
      <Stack gap="xs">
        {shared.map((o) => {
          const of = all.find((s) => s.key === o.segment)
          const share = p.total ? o.total / p.total : 0
          return (
            <div key={o.segment}>
              <div className={css.overlap}>
                <Link to="/segments/$key" params={{ key: o.segment }} className="rp-ellipsis" style={{ lineHeight: '24px' }}>{of ? segmentName(of) : o.segment}</Link>
                <span className="rp-num">{f.number(o.total)}</span>
              </div>
              <Progress size={4} value={Math.min(100, 100 * share)} aria-label={t('overlapShare', { segment: o.segment, share: f.percent(Math.min(1, share)) })} mt={2} />
            </div>
          )
        })}
      </Stack>
    </div>
  )
}
