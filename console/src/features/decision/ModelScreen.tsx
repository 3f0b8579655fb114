import { Button, Stack, Tabs } from '@mantine/core'
import { IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { useText } from '~/shared/i18n'
import { History } from '~/shared/definition/History'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Code } from '~/shared/ui/Code'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { Draw } from './Draw'
import { decision } from './messages'
import { Standing } from './ModelsScreen'
import { modelQuery, setStatus, useModelChange } from './queries'
import type { Model } from './queries'
import { modelTabs } from './routes'
import type { ModelTab } from './routes'
import { Try } from './Try'
import { Uses } from './Uses'

const route = getRouteApi('/shell/decisions/$key')

/** ModelScreen is one decision model: drawn, tried, published. */
export function ModelScreen() {
  const { key } = route.useParams()
  const query = useQuery(modelQuery(key))
  return <Async query={query}>{(m) => <One model={m} />}</Async>
}

function One({ model: m }: { model: Model }) {
  const t = useText(decision)
  const { tab = 'draw', person } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void =>
    void navigate({ to: '/decisions/$key', params: { key: m.key }, search: { ...(to === 'draw' ? {} : { tab: to as ModelTab }), ...(person ? { person } : {}) }, replace: true })
  return (
    <Page title={m.name || m.key} back={<BackLink to="/decisions">{t('models')}</BackLink>} badge={<Standing model={m} />} actions={<May area="decisions"><Publish model={m} /></May>}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {modelTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="draw"><Draw key={m.version} model={m} /></Tabs.Panel>
        <Tabs.Panel value="try"><Try model={m} person={person} /></Tabs.Panel>
        <Tabs.Panel value="uses"><Uses model={m} /></Tabs.Panel>
        <Tabs.Panel value="document"><Stack><Code text={m.xml ?? ''} label={t('tab_document')} height={640} /></Stack></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/decision-models/${encodeURIComponent(m.key)}`} invalidate={['decision-models']} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Publish({ model: m }: { model: Model }) {
  const t = useText(decision)
  const toasts = useToasts()
  const change = useModelChange((v: { version: number; status: 'live' | 'draft' | 'archived' }) => setStatus(m.key, v.status, v.version))
  if (m.status === 'live') return null
  const before = m.live_version
  const publish = (): void =>
    change.mutate({ version: m.version, status: 'live' }, {
      onSuccess: () => toasts.done(t('published', { version: m.version }), () => change.mutateAsync(before === null ? { version: m.version, status: 'draft' } : { version: before, status: 'live' })),
      onError: toasts.failed,
    })
  return (
    <Button leftSection={<IconRocket size={16} />} loading={change.isPending} onClick={publish}>
      {t('publish', { version: m.version })}
    </Button>
  )
}
