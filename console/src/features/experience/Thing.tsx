import { Button, Tabs } from '@mantine/core'
import { IconRocket, IconArchive } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { May } from '~/features/access/May'
import { History, StatusBadge } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { experience } from './messages'
import { setStatus, useThingChange } from './queries'
import type { Kind, Stored } from './queries'
import { thingTabs } from './routes'
import type { ThingTab } from './routes'

/** Thing is the page of one experience or offer. */
export function Thing({ kind, stored: s, tab = 'edit', person, panels }: { kind: Kind; stored: Stored<{ name?: string }>; tab: ThingTab | undefined; person: string | undefined; panels: Record<'edit' | 'preview' | 'results', ReactNode> }) {
  const t = useText(experience)
  const navigate = useNavigate()
  const show = (to: string | null): void =>
    void navigate({ to: `/${kind}/$key`, params: { key: s.key }, search: { ...(to === 'edit' ? {} : { tab: to as ThingTab }), ...(person ? { person } : {}) }, replace: true })
  return (
    <Page title={s.document.name || s.key} back={<BackLink to={`/${kind}`}>{t(kind)}</BackLink>} badge={<StatusBadge status={s.live_version === null ? s.status : 'live'} />} lead={s.live_version !== null && s.live_version !== s.version ? t('newerWaits', { version: s.version }) : undefined} actions={<May area="decisions"><Publish kind={kind} stored={s} /></May>}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {thingTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(name === 'results' && kind === 'offers' ? 'tab_stock' : `tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="edit"><div style={{ maxWidth: 780 }}>{panels.edit}</div></Tabs.Panel>
        <Tabs.Panel value="preview">{panels.preview}</Tabs.Panel>
        <Tabs.Panel value="results">{panels.results}</Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={s.document} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/${kind}/${encodeURIComponent(s.key)}`} invalidate={[kind]} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Publish({ kind, stored: s }: { kind: Kind; stored: Stored<unknown> }) {
  const t = useText(experience)
  const toasts = useToasts()
  const change = useThingChange(kind, (v: { status: string; version: number }) => setStatus(kind, s.key, v.status, v.version))
  const before = s.live_version
  const back = (): Promise<unknown> => change.mutateAsync(before === null ? { status: 'draft', version: s.version } : { status: 'live', version: before })
  const turn = (status: 'live' | 'archived', version: number): void =>
    change.mutate({ status, version }, { onSuccess: () => toasts.done(t(status === 'live' ? 'published' : 'ended', { version }), back), onError: toasts.failed })
  return (
    <>
      {before !== null && <Button variant="default" leftSection={<IconArchive size={16} />} loading={change.isPending} onClick={() => turn('archived', before)}>{t('end')}</Button>}
      {s.status !== 'live' && <Button leftSection={<IconRocket size={16} />} loading={change.isPending} onClick={() => turn('live', s.version)}>{t('publish', { version: s.version })}</Button>}
    </>
  )
}
