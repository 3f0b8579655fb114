import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Code, Json } from '~/shared/ui/Code'
import { Sheet } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import css from './Destination.module.css'
import { destination, worded } from './messages'
import { deliveryQuery, useDestinationChange } from './queries'
import { OutcomeBadge } from './StateBadge'

/** Delivery is one of them: what was sent, what was answered, and another try. */
export function Delivery({ destination: to, id, close }: { destination: string; id: string; close: () => void }) {
  const t = useText(destination)
  const query = useQuery(deliveryQuery(to, id))
  return (
    <Sheet close={close} title={t('delivery')} size="44rem">
      <Async query={query}>{(d) => <One delivery={d} close={close} />}</Async>
    </Sheet>
  )
}

function One({ delivery: d, close }: { delivery: Schema['DeliveryDetail']; close: () => void }) {
  const t = useText(destination)
  const f = useFormats()
  const facts: [string, React.ReactNode][] = [
    [t('about'), `${worded(t, 'kind', d.kind)}${d.segment ? ` · ${d.segment}` : ''}`],
    ...(d.reason ? [[t('reason'), worded(t, 'reason', d.reason)] as [string, React.ReactNode]] : []),
    ...(d.text ? [['', d.text] as [string, React.ReactNode]] : []),
    [t('time'), <Time key="time" at={d.changed} exact />],
    ...(d.attempts ? [[t('attempts'), f.number(d.attempts)] as [string, React.ReactNode]] : []),
    ...(d.status ? [[t('status'), d.status] as [string, React.ReactNode]] : []),
    ...(d.took_us ? [[t('took'), f.span(d.took_us / 1000)] as [string, React.ReactNode]] : []),
    ...(d.person ? [[t('person'), <Link key="person" to="/people/$ref" params={{ ref: d.person }}>{t('openPerson')}</Link>] as [string, React.ReactNode]] : []),
  ]
  return (
    <Stack gap="lg">
      <Group justify="space-between"><OutcomeBadge outcome={d.outcome} />{d.outcome === 'dead' && <Dead delivery={d} close={close} />}</Group>
      <dl className={css.facts}>
        {facts.map(([name, value], i) => [<dt key={`n${i}`}>{name}</dt>, <dd key={`v${i}`}>{value}</dd>])}
      </dl>
      {d.payload !== undefined ? <Shown title={t('message')}><Json value={d.payload} label={t('message')} height={320} /></Shown> : <Text c="dimmed" size="sm">{d.outcome === 'suppressed' ? '' : t('dueErased')}</Text>}
      <Exchange request={d.request} answer={d.answer} />
    </Stack>
  )
}

/** Exchange is what went over the line, as it was. */
export function Exchange({ request, answer }: { request: string | undefined; answer: string | undefined }) {
  const t = useText(destination)
  if (!request) return null
  return (
    <>
      <Shown title={t('request')}><Code text={request} label={t('request')} wrap height={260} /></Shown>
      <Shown title={t('answer')}>{answer ? <Code text={answer} label={t('answer')} wrap height={200} /> : <Text size="sm" c="dimmed">{t('noAnswer')}</Text>}</Shown>
    </>
  )
}

function Shown({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section>
      <Title order={3} size="h3" mb={6}>{title}</Title>
      {children}
    </section>
  )
}

function Dead({ delivery: d, close }: { delivery: Schema['DeliveryDetail']; close: () => void }) {
  const t = useText(destination)
  const toasts = useToasts()
  const params = { path: { destination: d.destination, id: d.id } }
  const replay = useDestinationChange(() => ask(api.POST('/api/v1/deliveries/{destination}/{id}/replay', { params })))
  const discard = useDestinationChange(() => ask(api.POST('/api/v1/deliveries/{destination}/{id}/discard', { params })))
  const after = (message: string) => ({ onSuccess: () => { toasts.done(message); close() }, onError: toasts.failed })
  return (
    <Group gap="xs">
      <Button variant="subtle" color="red" loading={discard.isPending} onClick={() => discard.mutate(undefined, after(t('gaveUp')))}>{t('giveUpOne')}</Button>
      <Button leftSection={<IconRefresh size={16} />} loading={replay.isPending} onClick={() => replay.mutate(undefined, after(t('replayed')))}>{t('replay')}</Button>
    </Group>
  )
}
