import { Alert, Autocomplete, Button, Group, Select, Stack, Text, Title } from '@mantine/core'
import { IconEye, IconSend } from '@tabler/icons-react'
import { useState } from 'react'
import { PersonPicker } from '~/features/profile/PersonPicker'
import { useEvents } from '~/features/segment/builder/suggest'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { Json } from '~/shared/ui/Code'
import { Sheet } from '~/shared/ui/Dialog'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { Exchange } from './Delivery'
import { destination, worded } from './messages'
import { useDestinationChange } from './queries'
import type { Destination } from './queries'

type Kind = 'event' | 'entered' | 'left' | 'member' | 'profile'

/** kindsOf are the causes that the destination is told of. */
function kindsOf(d: Destination): Kind[] {
  return [...(d.events ? ['event' as const] : []), ...(d.segments ? ['entered' as const, 'left' as const] : []), ...(d.audience ? ['member' as const] : []), ...(d.profile ? ['profile' as const] : [])]
}

const colors = { not_sent: 'blue', delivered: 'green', retry: 'yellow', refused: 'red' } as const

/** TestSend makes a message about a real person, shows it and sends it where one wants it. */
export function TestSend({ destination: d, close }: { destination: Destination; close: () => void }) {
  const t = useText(destination)
  const f = useFormats()
  const kinds = kindsOf(d)
  const [person, setPerson] = useState<string>()
  const [kind, setKind] = useState<Kind>(kinds[0] ?? 'profile')
  const [event, setEvent] = useState(d.events?.names?.[0] ?? '')
  const names = Object.values(useEvents().names).flat()
  const tried = useDestinationChange((send: boolean) =>
    ask(
      api.POST('/api/v1/destinations/{key}/test', {
        params: { path: { key: d.key }, query: { version: d.version } },
        body: { profile: person ?? '', send, kind, ...(kind === 'event' && event ? { event: { name: event, properties: {} } as never } : {}) },
      }),
    ),
  )
  const r = tried.data
  return (
    <Sheet close={close} title={t('testTitle')} size="44rem">
      <form onSubmit={(e) => { e.preventDefault(); if (person && !tried.isPending) tried.mutate(false) }} onKeyDown={ctrlEnter(() => tried.mutate(true), !person || tried.isPending)}>
        <Stack>
          <Text c="dimmed" size="sm">{t('testText')}</Text>
          <PersonPicker label={t('person')} value={person} change={setPerson} />
          {kinds.length > 1 && <Select label={t('about')} allowDeselect={false} data={kinds.map((k) => ({ value: k, label: t(`kind_${k}`) }))} value={kind} onChange={(v) => setKind((v ?? kind) as Kind)} />}
          {kind === 'event' && <Autocomplete label={t('testEvent')} data={[...new Set(names)]} value={event} onChange={setEvent} />}
          <Group justify="flex-end">
            <Button variant="default" type="submit" disabled={!person} leftSection={<IconEye size={16} />}>{t('testShow')}</Button>
            <Button disabled={!person} loading={tried.isPending} leftSection={<IconSend size={16} />} onClick={() => tried.mutate(true)}>{t('testSend')}</Button>
          </Group>
          {tried.error && <ProblemState error={tried.error} compact />}
          {r && (
            <Stack gap="lg" aria-live="polite">
              <Alert color={colors[r.outcome]} title={t(`tried_${r.outcome}`)}>
                {[r.reason, r.status ? `${t('status')} ${r.status}` : '', r.took_us ? f.span(r.took_us / 1000) : '', r.consent ? t('triedConsent', { reason: worded(t, 'reason', r.consent) }) : ''].filter(Boolean).join(' · ')}
              </Alert>
              <section>
                <Title order={3} size="h3" mb={6}>{t('message')}</Title>
                <Json value={r.payload} label={t('message')} height={320} />
              </section>
              <Exchange request={r.request} answer={r.answer} />
            </Stack>
          )}
        </Stack>
      </form>
    </Sheet>
  )
}
