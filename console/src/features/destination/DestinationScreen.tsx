import { ActionIcon, Alert, Button, Menu, Stack, Tabs } from '@mantine/core'
import { IconDots, IconFlask, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { Suspense, lazy, useState } from 'react'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { sentence } from '~/shared/api/problem'
import { History } from '~/shared/definition/History'
import { UsedBy } from '~/shared/definition/UsedBy'
import { useMentions } from '~/shared/definition/useMentions'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Loading } from '~/shared/states/Loading'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { Deliveries } from './Deliveries'
import { destination } from './messages'
import { destinationName, destinationQuery, documentOf, putDestination, typesQuery, useDestinationChange } from './queries'
import type { Destination, Document } from './queries'
import { destinationTabs } from './routes'
import type { DestinationTab } from './routes'
import { StateBadge } from './StateBadge'
import { TestSend } from './TestSend'

// Its fields are many, and not always looked at.
const DestinationForm = lazy(() => import('./DestinationForm').then((m) => ({ default: m.DestinationForm })))

const route = getRouteApi('/shell/destinations/$key')

/** DestinationScreen is one destination: what it was told, how it is set up, what it was before. */
export function DestinationScreen() {
  const { key } = route.useParams()
  const query = useQuery(destinationQuery(key))
  return <Async query={query}>{(d) => <One destination={d} />}</Async>
}

function One({ destination: d }: { destination: Destination }) {
  const t = useText(destination)
  const { tab = 'deliveries' } = route.useSearch()
  const navigate = useNavigate()
  const [testing, test] = useState(false)
  const users = useMentions(['destinations', d.key], ['destination', 'destinations', 'send_to'])
  const show = (to: string | null): void => void navigate({ to: '/destinations/$key', params: { key: d.key }, search: to === 'deliveries' ? {} : { tab: to as DestinationTab }, replace: true })
  return (
    <Page
      title={destinationName(d)}
      back={<BackLink to="/destinations">{t('destinations')}</BackLink>}
      badge={<StateBadge state={d.state.state} />}
      lead={<>{t(`stateHint_${d.state.state}`)}<UsedBy users={users} /></>}
      actions={<May area="destinations"><Actions destination={d} test={() => test(true)} /></May>}
    >
      {d.state.problem && <Alert color="red" mb="lg">{sentence(d.state.problem)}</Alert>}
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {destinationTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="deliveries"><Deliveries destination={d} test={() => test(true)} /></Tabs.Panel>
        <Tabs.Panel value="setup"><Suspense fallback={<Loading />}><Setup key={d.version} destination={d} /></Suspense></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={documentOf(d)} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/destinations/${encodeURIComponent(d.key)}`} invalidate={['destinations']} pick={documentOf as never} rollback={(document: Document) => putDestination(d.key, document)} /></Tabs.Panel>
      </Tabs>
      {testing && <TestSend destination={d} close={() => test(false)} />}
    </Page>
  )
}

function Setup({ destination: d }: { destination: Destination }) {
  const t = useText(destination)
  const toasts = useToasts()
  const types = useQuery(typesQuery)
  const put = useDestinationChange((document: Document) => putDestination(d.key, document))
  const before = documentOf(d)
  return (
    <Async query={types}>
      {({ items }) => (
        <Stack maw={780}>
          <DestinationForm
            type={items.find((x) => x.name === d.type) ?? { name: d.type, title: d.type, schema: {} }}
            document={before}
            saving={put.isPending}
            error={put.error}
            save={(document) => put.mutate(document, { onSuccess: () => toasts.done(t('saved'), () => put.mutateAsync(before)) })}
          />
        </Stack>
      )}
    </Async>
  )
}

type Verb = 'pause' | 'resume' | 'drain' | 'release' | 'sync'

function Actions({ destination: d, test }: { destination: Destination; test: () => void }) {
  const t = useText(destination)
  const toasts = useToasts()
  const name = destinationName(d)
  const params = { path: { key: d.key } }
  const verb = useDestinationChange((what: Verb): Promise<unknown> => ask(api.POST(`/api/v1/destinations/{key}/${what}`, { params })))
  const status = useDestinationChange((to: 'live' | 'archived') => ask(api.POST('/api/v1/destinations/{key}/status', { params: { ...params, query: { wait: 'applied' } }, body: { version: d.version, status: to } })))
  const act = (what: Verb, message: string, back?: Verb): void =>
    verb.mutate(what, { onSuccess: () => toasts.done(message, back && (() => verb.mutateAsync(back))), onError: toasts.failed })
  const turn = (to: 'live' | 'archived'): void =>
    status.mutate(to, { onSuccess: () => toasts.done(t(to === 'live' ? 'turnedOn' : 'turnedOff', { name }), () => status.mutateAsync(to === 'live' ? 'archived' : 'live')), onError: toasts.failed })
  const { state } = d.state
  const on = d.live_version !== null
  return (
    <>
      <Button variant="default" leftSection={<IconFlask size={16} />} onClick={test}>{t('test')}</Button>
      {state === 'stopped' && <Button loading={verb.isPending} onClick={() => act('release', t('released', { name }))}>{t('release')}</Button>}
      {(state === 'active' || state === 'failing') && <Button variant="default" leftSection={<IconPlayerPause size={16} />} loading={verb.isPending} onClick={() => act('pause', t('paused', { name }), 'resume')}>{t('pause')}</Button>}
      {(state === 'paused' || state === 'draining') && <Button leftSection={<IconPlayerPlay size={16} />} loading={verb.isPending} onClick={() => act('resume', t('resumed', { name }), 'pause')}>{t('resume')}</Button>}
      {!on && <Button leftSection={<IconPlayerPlay size={16} />} loading={status.isPending} onClick={() => turn('live')}>{t('on_again')}</Button>}
      {on && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="default" size={36} aria-label={t('actions')}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            {state !== 'draining' && <Menu.Item onClick={() => act('drain', t('draining', { name }), 'resume')}>{t('drain')}</Menu.Item>}
            {d.audience && <Menu.Item onClick={() => act('sync', t('syncing'))}>{t('sync')}</Menu.Item>}
            <Menu.Item color="red" onClick={() => turn('archived')}>{t('off')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  )
}
