import { Alert, Button, Group, Stack, Tabs, Text, TextInput } from '@mantine/core'
import { IconChecks, IconClock, IconFlask, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconSend } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { Suspense, lazy, useState } from 'react'
import { May } from '~/features/access/May'
import { refOf } from '~/features/profile/name'
import { api, ask } from '~/shared/api/client'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { BackLink } from '~/shared/ui/BackLink'
import { Dialog } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { AudienceTab, ReportTab } from './Audience'
import { Message } from './Message'
import { broadcast } from './messages'
import { audienceQuery, broadcastName, broadcastQuery, documentOf, putBroadcast, rulesQuery, useBroadcastChange } from './queries'
import type { Broadcast, Document } from './queries'
import { broadcastTabs } from './routes'
import type { BroadcastTab } from './routes'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/broadcasts/$key')

// Its fields are many, and not always looked at.
const Delivery = lazy(() => import('./Delivery').then((m) => ({ default: m.Delivery })))

/** BroadcastScreen is one broadcast: its message, who gets it, when, and what became of it. */
export function BroadcastScreen() {
  const { key } = route.useParams()
  const query = useQuery(broadcastQuery(key))
  return <Async query={query}>{(b) => <One broadcast={b} />}</Async>
}

function One({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const navigate = useNavigate()
  const draft = b.standing.state === 'draft' || b.standing.state === 'scheduled'
  const { tab = draft ? 'message' : 'report' } = route.useSearch()
  const show = (to: string | null): void => void navigate({ to: '/broadcasts/$key', params: { key: b.key }, search: { tab: to as BroadcastTab }, replace: true })
  return (
    <Page
      title={broadcastName(b)}
      back={<BackLink to="/broadcasts">{t('broadcasts')}</BackLink>}
      badge={<StateBadge state={b.standing.state} />}
      lead={<>{t('segment')} <Link to="/segments/$key" params={{ key: b.segment }} style={{ textDecoration: 'underline' }}>{b.segment}</Link> · {t('destination')} {b.destination}</>}
      actions={<May area="broadcasts"><Actions broadcast={b} /></May>}
    >
      {b.standing.problem && <Alert color="red" mb="lg" title={t('problem')}>{b.standing.problem}</Alert>}
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {broadcastTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="message"><Message broadcast={b} /></Tabs.Panel>
        <Tabs.Panel value="audience"><AudienceTab broadcast={b} /></Tabs.Panel>
        <Tabs.Panel value="delivery"><Suspense fallback={<Loading />}><Delivery key={b.version} broadcast={b} /></Suspense></Tabs.Panel>
        <Tabs.Panel value="report"><ReportTab broadcast={b} /></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={documentOf(b)} /></Tabs.Panel>
        <Tabs.Panel value="history">
          <History
            address={`/api/v1/broadcasts/${encodeURIComponent(b.key)}`}
            invalidate={['broadcasts']}
            pick={documentOf as never}
            rollback={b.standing.state === 'draft' ? (document: Document) => putBroadcast(b.key, document) : null}
          />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

type Verb = 'approve' | 'pause' | 'resume' | 'stop' | 'send'

function useVerb(b: Broadcast) {
  const path = { key: b.key }
  return useBroadcastChange((verb: Verb) => ask(api.POST(`/api/v1/broadcasts/{key}/${verb}`, { params: { path, query: verb === 'approve' || verb === 'send' ? { version: b.version } : {} } })))
}

function Actions({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const toasts = useToasts()
  const [asking, setAsking] = useState<'send' | 'stop' | 'test'>()
  const rules = useQuery(rulesQuery).data
  const verb = useVerb(b)
  const { state, approved } = b.standing
  const done = approved?.version === b.version
  const needed = rules?.document?.approval === true && !done
  const close = (): void => setAsking(undefined)
  const act = (what: Verb, message: string, undo?: Verb): void =>
    verb.mutate(what, { onSuccess: () => { close(); toasts.done(message, undo ? () => verb.mutateAsync(undo) : undefined) }, onError: toasts.failed })
  const later = b.at !== undefined && new Date(b.at).getTime() > Date.now()
  return (
    <>
      {done && <Text size="sm" c="dimmed">{t('approved', { by: approved.by })}</Text>}
      {(state === 'draft' || state === 'scheduled') && <Button variant="default" leftSection={<IconFlask size={16} />} onClick={() => setAsking('test')}>{t('test')}</Button>}
      {state === 'draft' && needed && <Button variant="default" leftSection={<IconChecks size={16} />} title={t('needsApproval')} loading={verb.isPending} onClick={() => act('approve', t('approvedDone', { version: b.version }))}>{t('approve')}</Button>}
      {state === 'draft' && <Button disabled={needed} title={needed ? t('needsApproval') : ''} leftSection={later ? <IconClock size={16} /> : <IconSend size={16} />} onClick={() => setAsking('send')}>{t(later ? 'schedule' : 'send')}</Button>}
      {(state === 'sending' || state === 'scheduled') && <Button variant="default" leftSection={<IconPlayerPause size={16} />} loading={verb.isPending} onClick={() => act('pause', t('paused'), 'resume')}>{t('pause')}</Button>}
      {state === 'paused' && <Button leftSection={<IconPlayerPlay size={16} />} loading={verb.isPending} onClick={() => act('resume', t('resumed'), 'pause')}>{t('resume')}</Button>}
      {(state === 'sending' || state === 'paused' || state === 'scheduled') && (
        <Button variant="default" color="red" leftSection={<IconPlayerStop size={16} />} onClick={() => (state === 'scheduled' ? act('stop', t('unscheduled'), 'send') : setAsking('stop'))}>{t('stop')}</Button>
      )}
      {asking === 'send' && <Sure broadcast={b} later={later} close={close} go={() => act('send', t(later ? 'scheduled' : 'sending'), later ? 'stop' : undefined)} busy={verb.isPending} />}
      {asking === 'stop' && (
        <Dialog title={t('stopTitle')} close={close}>
          <Ask text={t('stopText')} yes={t('stop')} color="red" close={close} go={() => act('stop', t('stopped'))} busy={verb.isPending} />
        </Dialog>
      )}
      {asking === 'test' && <Test broadcast={b} close={close} />}
    </>
  )
}

function Ask(props: { text: string; yes: string; color?: string; close: () => void; go: () => void; busy: boolean }) {
  const c = useText(common)
  return (
    <Stack>
      <Text>{props.text}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={props.close} data-autofocus>{c('cancel')}</Button>
        <Button {...(props.color ? { color: props.color } : {})} loading={props.busy} onClick={props.go}>{props.yes}</Button>
      </Group>
    </Stack>
  )
}

/** Sure says how many get it before anything goes out: that cannot be taken back. */
function Sure({ broadcast: b, later, close, go, busy }: { broadcast: Broadcast; later: boolean; close: () => void; go: () => void; busy: boolean }) {
  const t = useText(broadcast)
  const f = useFormats()
  const audience = useQuery(audienceQuery(b.key, b.version))
  return (
    <Dialog title={t(later ? 'scheduleTitle' : 'sendTitle')} close={close}>
      <Async query={audience}>
        {(a) => <Ask text={later ? t('scheduleText', { time: f.time(b.at ?? ''), count: a.will_get_it }) : t('sendText', { count: a.will_get_it })} yes={t(later ? 'schedule' : 'send')} close={close} go={go} busy={busy} />}
      </Async>
    </Dialog>
  )
}

/** Test sends one real message to an address of one's own. */
function Test({ broadcast: b, close }: { broadcast: Broadcast; close: () => void }) {
  const t = useText(broadcast)
  const c = useText(common)
  const toasts = useToasts()
  const some = useQuery(audienceQuery(b.key, b.version)).data?.examples.gets_it?.[0]
  const [profile, setProfile] = useState<string>()
  const [to, setTo] = useState('')
  const person = profile ?? some ?? ''
  const send = useBroadcastChange(() => ask(api.POST('/api/v1/broadcasts/{key}/test', { params: { path: { key: b.key }, query: { version: b.version } }, body: { profile: refOf(person), ...(to.trim() ? { to: to.trim() } : {}) } })))
  const failed = send.data && send.data.sent?.outcome !== 'delivered' ? send.data : undefined
  return (
    <Dialog title={t('testTitle')} close={close}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          send.mutate(undefined, {
            onSuccess: (shown) => {
              if (shown.sent?.outcome !== 'delivered') return
              toasts.done(t('testDone', { to: to.trim() || (shown.address ?? '') }))
              close()
            },
          })
        }}
      >
        <Stack>
          <Text c="dimmed" size="sm">{t('testText')}</Text>
          <TextInput label={t('testPerson')} placeholder={t('previewHint')} value={person} onChange={(e) => setProfile(e.currentTarget.value)} />
          <TextInput data-autofocus label={t('testTo')} description={t('testToHint')} value={to} onChange={(e) => setTo(e.currentTarget.value)} />
          {send.error && <ProblemState compact error={send.error} />}
          {failed && <Alert color="red" title={t('testFailed')}>{failed.problem ?? failed.sent?.reason ?? failed.sent?.answer ?? failed.reason}</Alert>}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>{c('cancel')}</Button>
            <Button type="submit" disabled={!person} loading={send.isPending}>{t('testSend')}</Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
