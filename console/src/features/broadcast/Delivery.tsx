import { Alert, Autocomplete, Button, Card, Checkbox, Group, NumberInput, Select, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import { May } from '~/features/access/May'
import { usePurposes } from '~/features/segment/builder/suggest'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { useToasts } from '~/shared/ui/undo'
import { broadcast } from './messages'
import { documentOf, putBroadcast, useBroadcastChange } from './queries'
import type { Broadcast, Document } from './queries'

/** localOf writes an instant as a field of date and time does, in the reader's zone. */
export function localOf(at: string | undefined): string {
  if (!at) return ''
  const d = new Date(at)
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

const daysOf = (span: string | undefined): number | undefined => {
  const m = /^(\d+)(h|d)/.exec(span ?? '')
  return m ? Number(m[1]) / (m[2] === 'h' ? 24 : 1) : undefined
}

const number = (v: string | number): number | undefined => (v === '' || Number.isNaN(Number(v)) ? undefined : Number(v))

/** Delivery is when it is sent, to whom not, and how fast. */
export function Delivery({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const toasts = useToasts()
  const purposes = usePurposes()
  const before = documentOf(b)
  const [d, setDocument] = useState<Document>(before)
  const frozen = b.standing.state !== 'draft'
  const changed = JSON.stringify(d) !== JSON.stringify(before)
  const save = useBroadcastChange(() => putBroadcast(b.key, d))
  const put = (): void => {
    if (changed && !frozen) save.mutate(undefined, { onSuccess: () => toasts.done(t('saved'), () => putBroadcast(b.key, before)) })
  }
  // What is left out is no member at all: the server tells the two apart.
  const set = <K extends keyof Document>(name: K, value: Document[K] | undefined): void => {
    const { [name]: _, ...rest } = d
    setDocument((value === undefined ? rest : { ...rest, [name]: value }) as Document)
  }
  const quiet = d.quiet_hours
  const often = d.frequency
  return (
    <Stack
      gap="lg"
      maw={860}
      onKeyDown={ctrlEnter(put, save.isPending)}
    >
      {frozen && <Alert color="gray">{t(b.standing.state === 'scheduled' ? 'frozenScheduled' : 'frozen')}</Alert>}
      <Card padding="md" component="section">
        <Title order={2} size="h3" mb="sm">{t('when')}</Title>
        <Stack>
          <TextInput type="datetime-local" maw={280} label={t('at')} description={t('atHint')} disabled={frozen} value={localOf(d.at)} onChange={(e) => set('at', e.currentTarget.value ? new Date(e.currentTarget.value).toISOString() : undefined)} />
          <Checkbox label={t('quietOn')} description={t('quietHint')} disabled={frozen} checked={quiet !== undefined} onChange={(e) => set('quiet_hours', e.currentTarget.checked ? { from: '21:00', to: '08:00', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone } : undefined)} />
          {quiet && (
            <SimpleGrid cols={{ base: 1, sm: 3 }}>
              <TextInput type="time" label={t('from')} disabled={frozen} value={quiet.from} onChange={(e) => set('quiet_hours', { ...quiet, from: e.currentTarget.value })} />
              <TextInput type="time" label={t('until')} disabled={frozen} value={quiet.to} onChange={(e) => set('quiet_hours', { ...quiet, to: e.currentTarget.value })} />
              <Autocomplete label={t('zone')} disabled={frozen} limit={30} data={Intl.supportedValuesOf('timeZone')} value={quiet.time_zone ?? ''} onChange={(v) => set('quiet_hours', { from: quiet.from, to: quiet.to, ...(quiet.trait ? { trait: quiet.trait } : {}), ...(v ? { time_zone: v } : {}) })} />
            </SimpleGrid>
          )}
        </Stack>
      </Card>
      <Card padding="md" component="section">
        <Title order={2} size="h3" mb="sm">{t('who')}</Title>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select clearable label={t('consent')} placeholder={t('consentDefault')} disabled={frozen} data={purposes} value={d.consent?.purpose ?? null} onChange={(v) => set('consent', v ? { ...d.consent, purpose: v } : undefined)} clearButtonProps={{ 'aria-label': t('consentDefault') }} />
          {d.consent ? <TextInput label={t('channel')} disabled={frozen} value={d.consent.channel ?? ''} onChange={(e) => d.consent && set('consent', { purpose: d.consent.purpose, ...(e.currentTarget.value ? { channel: e.currentTarget.value } : {}) })} /> : <div />}
          <NumberInput label={t('holdOut')} description={t('holdOutHint')} min={0} max={99} suffix=" %" disabled={frozen} value={d.hold_out ?? ''} onChange={(v) => set('hold_out', number(v) || undefined)} hideControls />
          <NumberInput label={t('rate')} description={t('rateHint')} min={1} disabled={frozen} value={d.per_second ?? ''} onChange={(v) => set('per_second', number(v) || undefined)} hideControls />
        </SimpleGrid>
        <Group align="flex-end" mt="md" gap="sm">
          <NumberInput label={t('frequency')} w={140} min={1} disabled={frozen} value={often?.most ?? ''} onChange={(v) => set('frequency', number(v) ? { most: number(v) ?? 1, in: often?.in ?? '168h' } : undefined)} hideControls />
          <NumberInput label={t('inDays')} w={180} min={1} disabled={frozen || !often} value={often ? (daysOf(often.in) ?? '') : ''} onChange={(v) => often && number(v) && set('frequency', { ...often, in: `${24 * (number(v) ?? 7)}h` })} hideControls />
        </Group>
        <Text size="xs" c="dimmed" mt={6}>{t('frequencyHint')}</Text>
      </Card>
      {save.error && <ProblemState compact error={save.error} />}
      {!frozen && (
        <Group justify="flex-end">
          {changed && <Button variant="subtle" color="gray" onClick={() => setDocument(before)}>{t('discard')}</Button>}
          <May quiet area="broadcasts"><Button disabled={!changed} loading={save.isPending} onClick={put}>{t('save')}</Button></May>
        </Group>
      )}
    </Stack>
  )
}
