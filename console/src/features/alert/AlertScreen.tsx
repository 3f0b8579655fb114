import { Badge, Button, Tabs } from '@mantine/core'
import { IconBellOff, IconSend } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { AlertForm, Summary } from './AlertForm'
import { alert } from './messages'
import { alertQuery, saveAlert, switchOff, testAlert, useAlertChange } from './queries'
import type { Alert, Stored } from './queries'
import { alertTabs } from './routes'
import type { AlertTab } from './routes'
import { Said } from './Said'

const route = getRouteApi('/shell/alerts/$key')

/** AlertScreen is one alert: what it is about, tried, and what it said. */
export function AlertScreen() {
  const { key } = route.useParams()
  const query = useQuery(alertQuery(key))
  return <Async query={query}>{(a) => <One stored={a} />}</Async>
}

function One({ stored: a }: { stored: Stored }) {
  const t = useText(alert)
  const { tab = 'edit' } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void => void navigate({ to: '/alerts/$key', params: { key: a.key }, search: to === 'edit' ? {} : { tab: to as AlertTab }, replace: true })
  const off = a.live_version === null
  return (
    <Page title={a.document.name} back={<BackLink to="/alerts">{t('alerts')}</BackLink>} badge={<Badge color={off ? 'gray' : 'green'}>{t(off ? 'is_off' : 'is_on')}</Badge>} lead={<Summary of={a.document} />} actions={<May area="process"><Actions stored={a} tried={() => show('said')} /></May>}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">{alertTabs.map((x) => <Tabs.Tab key={x} value={x}>{t(`tab_${x}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="edit"><div style={{ maxWidth: 780 }}><Edit key={a.version} stored={a} /></div></Tabs.Panel>
        <Tabs.Panel value="said"><Said of={a.key} /></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={a.document} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/alerts/${encodeURIComponent(a.key)}`} invalidate={['alerts']} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Edit({ stored: a }: { stored: Stored }) {
  const t = useText(alert)
  const toasts = useToasts()
  const put = useAlertChange((d: Alert) => saveAlert(a.key, d))
  const before = a.document
  return <AlertForm document={before} saving={put.isPending} error={put.error} label={t('save')} save={(d) => void put.mutateAsync(d).then(() => toasts.done(t('saved'), () => put.mutateAsync(before)), () => undefined)} />
}

function Actions({ stored: a, tried }: { stored: Stored; tried: () => void }) {
  const t = useText(alert)
  const toasts = useToasts()
  const test = useAlertChange(() => testAlert(a.key))
  const off = useAlertChange((version: number) => switchOff(a.key, version))
  const on = useAlertChange(() => saveAlert(a.key, a.document))
  const live = a.live_version
  return (
    <>
      {live === null
        ? <Button variant="default" loading={on.isPending} onClick={() => on.mutate(undefined, { onSuccess: () => toasts.done(t('saved')), onError: toasts.failed })}>{t('switchOn')}</Button>
        : <Button variant="default" leftSection={<IconBellOff size={16} />} loading={off.isPending} onClick={() => off.mutate(live, { onSuccess: () => toasts.done(t('switchedOff'), () => on.mutateAsync(undefined)), onError: toasts.failed })}>{t('switchOff')}</Button>}
      <Button leftSection={<IconSend size={16} />} loading={test.isPending} onClick={() => test.mutate(undefined, { onSuccess: () => { toasts.done(t('tested')); tried() }, onError: toasts.failed })}>{t('test')}</Button>
    </>
  )
}
