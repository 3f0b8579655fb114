import { ActionIcon, Badge, Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import { IconCheck, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Copy, Json } from '~/shared/ui/Code'
import css from './Live.module.css'
import { live } from './liveMessages'
import type { LiveEvent } from './useLive'

/** LivePanel is one event: its stages with their times, and what it said. */
export function LivePanel({ event: e, close }: { event: LiveEvent; close: () => void }) {
  const t = useText(live)
  const c = useText(common)
  return (
    <Card className={css.panel} component="aside" aria-label={t('details')}>
      <Group justify="space-between" wrap="nowrap" mb="sm">
        <Title order={2} className="rp-break">{e.name || e.type || t(e.outcome)}</Title>
        <ActionIcon variant="subtle" color="gray" onClick={close} aria-label={c('close')}><IconX size={17} /></ActionIcon>
      </Group>
      <Group gap={6} mb="md">
        <Badge color={e.outcome === 'stored' ? 'green' : e.outcome === 'refused' ? 'yellow' : 'red'}>{t(e.outcome)}</Badge>
        {e.type && <Badge color="gray">{e.type}</Badge>}
        <Badge color="gray">{e.source}</Badge>
        {e.channel && <Badge color="gray">{e.channel}</Badge>}
      </Group>
      <Stages event={e} />
      <Stack gap="md" mt="md">
        {e.identifiers.length > 0 && <Who event={e} />}
        {e.properties !== undefined && <Said title={t('properties')} value={e.properties} />}
        {e.traits !== undefined && <Said title={t('traits')} value={e.traits} />}
        <Group gap={4} wrap="nowrap">
          <Text size="sm" c="dimmed" className="rp-ellipsis">{t('messageId')} <code>{e.message_id}</code></Text>
          <Copy text={e.message_id} />
        </Group>
      </Stack>
    </Card>
  )
}

function Stages({ event: e }: { event: LiveEvent }) {
  const t = useText(live)
  const f = useFormats()
  const after = (at: string | undefined, from: string): string => (at ? `+ ${f.span(new Date(at).getTime() - new Date(from).getTime())}` : '')
  return (
    <ol style={{ listStyle: 'none', margin: 0, padding: 0 }}>
      <Stage title={t('stageReceived')} text={t('stageReceivedText')} time={f.clock(e.received_at)} />
      {e.outcome === 'refused' && <Stage bad="refused" title={t('stageRefused')} text={e.reason ?? ''} time="" />}
      {e.outcome === 'dead_letter' && (
        <Stage bad="dead_letter" title={t('stageLetter')} text={<>{e.message} <Link to="/dead-letters" search={e.reason ? { reason: e.reason } : {}}>{t('mend')}</Link></>} time={after(e.logged_at, e.received_at)} />
      )}
      {e.outcome === 'stored' && (
        <>
          <Stage title={t('stageLogged')} text={t('stageLoggedText')} time={after(e.logged_at, e.received_at)} />
          <Stage title={t('stageApplied')} text={t('stageAppliedText')} time={after(e.applied_at, e.logged_at ?? e.received_at)} />
          <Consequences event={e} />
        </>
      )}
    </ol>
  )
}

function Stage({ title, text, time, bad }: { title: string; text: ReactNode; time: string; bad?: 'refused' | 'dead_letter' }) {
  return (
    <li className={css.stage}>
      <span className={css.mark} data-outcome={bad}>{bad ? <IconX size={13} /> : <IconCheck size={13} />}</span>
      <div>
        <Text fw={550}>{title}</Text>
        <Text size="sm" c="dimmed" className="rp-break">{text}</Text>
      </div>
      <Text size="sm" className="rp-num" c="dimmed">{time}</Text>
    </li>
  )
}

/** refOf is how the API names a person by an identifier. */
export function refOf(e: LiveEvent): string {
  const first = e.identifiers[0]
  return first ? `${first.namespace}:${first.value}` : ''
}

/** Consequences are the segments that the person came into and left since. */
function Consequences({ event: e }: { event: LiveEvent }) {
  const t = useText(live)
  const ref = refOf(e)
  const { data } = useQuery({
    queryKey: ['profiles', ref, 'segments'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}/segments', { params: { path: { ref } }, signal })),
    enabled: ref !== '',
    refetchInterval: 2_000,
  })
  const since = new Date(e.received_at).getTime()
  const moved = (data?.history ?? []).filter((h) => new Date(h.at).getTime() >= since - 1)
  return (
    <Stage
      title={t('stageSegments')}
      text={
        moved.length === 0 ? (
          t('noSegments')
        ) : (
          <Group gap={6} mt={4}>
            {moved.map((m) => (
              <Badge key={`${m.segment} ${m.at}`} color={m.change === 'entered' ? 'green' : 'gray'}>{t(m.change === 'entered' ? 'entered' : 'left', { segment: m.segment })}</Badge>
            ))}
          </Group>
        )
      }
      time=""
    />
  )
}

function Who({ event: e }: { event: LiveEvent }) {
  const t = useText(live)
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>{t('person')}</Text>
      {e.identifiers.map((i) => (
        <Text key={i.namespace + i.value} size="sm" className="rp-break"><Text span size="sm" c="dimmed">{i.namespace}</Text> {i.value}</Text>
      ))}
      <Button component={Link} to="/people/$ref" params={{ ref: refOf(e) } as never} size="compact-sm" variant="light" mt={8}>{t('openPerson')}</Button>
    </div>
  )
}

function Said({ title, value }: { title: string; value: unknown }) {
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>{title}</Text>
      <Json value={value} label={title} height={260} />
    </div>
  )
}
