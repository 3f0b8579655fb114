import { Button, Tabs } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { YamlTab } from '~/shared/definition/YamlTab'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { Connect } from './Connect'
import { Health } from './Health'
import { Keys } from './Keys'
import { source } from './messages'
import { Observed } from './Observed'
import { bodyOf, healthQuery, sourceQuery, useSourceChange } from './queries'
import type { Source } from './queries'
import { sourceTabs } from './routes'
import type { SourceTab } from './routes'
import { Sessions } from './Sessions'
import { SourceHistory } from './SourceHistory'

const route = getRouteApi('/shell/sources/$key')

/** SourceScreen is one source: how to connect it, its keys, and what came. */
export function SourceScreen() {
  const { key } = route.useParams()
  const query = useQuery(sourceQuery(key))
  return <Async query={query}>{(s) => <One source={s} />}</Async>
}

function One({ source: s }: { source: Source }) {
  const t = useText(source)
  const { tab = 'connect' } = route.useSearch()
  const navigate = useNavigate()
  const health = useQuery(healthQuery(s.key, 2_000))
  const used = health.data && usedOf(health.data)
  const show = (to: string | null): void =>
    void navigate({ to: '/sources/$key', params: { key: s.key }, search: to === 'connect' ? {} : { tab: to as SourceTab }, replace: true })
  return (
    <Page
      title={s.name}
      back={<BackLink to="/sources">{t('sources')}</BackLink>}
      badge={health.data && <Health status={health.data.status} />}
      lead={health.data && t(`healthHint_${health.data.status}`) + (used ? ' ' + t('limitUse', used) : '')}
      actions={<May area="sources" scope="admin"><Pause source={s} /></May>}
    >
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {sourceTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="connect"><Connect source={s} health={health.data} /></Tabs.Panel>
        <Tabs.Panel value="keys"><Keys source={s} /></Tabs.Panel>
        <Tabs.Panel value="events"><Observed source={s} /></Tabs.Panel>
        <Tabs.Panel value="sessions"><Sessions key={s.version} source={s} /></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={bodyOf(s)} /></Tabs.Panel>
        <Tabs.Panel value="history"><SourceHistory source={s} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

/** usedOf is how much of its limits a source has used; nothing where it has none. */
function usedOf({ limits }: Schema['SourceHealth']): { today: number; refused: number } | undefined {
  return limits && (limits.source ?? limits.write_keys.reduce((sum, k) => ({ today: sum.today + k.today, refused: sum.refused + k.refused }), { today: 0, refused: 0 }))
}

function Pause({ source: s }: { source: Source }) {
  const t = useText(source)
  const toasts = useToasts()
  const paused = s.paused === true
  const change = useSourceChange((to: boolean) => ask(api.POST('/api/v1/sources/{key}/pause', { params: { path: { key: s.key } }, body: { paused: to } })))
  const turn = (): void =>
    change.mutate(!paused, {
      onSuccess: () => toasts.done(t(paused ? 'resumedDone' : 'pausedDone', { name: s.name }), () => change.mutateAsync(paused)),
      onError: toasts.failed,
    })
  return (
    <Button variant="default" leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} loading={change.isPending} onClick={turn}>
      {t(paused ? 'resume' : 'pause')}
    </Button>
  )
}
