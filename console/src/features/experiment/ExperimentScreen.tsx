import { Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { Actions } from './Actions'
import { Editor } from './Editor'
import { Links } from './Links'
import { experiment } from './messages'
import { experimentQuery, saveExperiment, useExperimentChange } from './queries'
import type { Experiment, Stored } from './queries'
import { Results } from './Results'
import { experimentTabs } from './routes'
import type { ExperimentTab } from './routes'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/experiments/$key')

/** ExperimentScreen is one experiment: its plan, its run, its results. */
export function ExperimentScreen() {
  const { key } = route.useParams()
  const query = useQuery(experimentQuery(key))
  return <Async query={query}>{(e) => <One stored={e} />}</Async>
}

function One({ stored: e }: { stored: Stored }) {
  const t = useText(experiment)
  const d = e.document
  const first: ExperimentTab = (d.state ?? 'draft') === 'draft' ? 'setup' : 'results'
  const { tab = first } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void =>
    void navigate({ to: '/experiments/$key', params: { key: e.key }, search: to === first ? {} : { tab: to as ExperimentTab }, replace: true })
  return (
    <Page title={d.name} back={<BackLink to="/experiments">{t('experiments')}</BackLink>} badge={<StateBadge state={d.state ?? 'draft'} />} lead={d.description} actions={<Actions stored={e} />}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {experimentTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="results"><Results stored={e} /></Tabs.Panel>
        <Tabs.Panel value="setup"><Setup key={e.version} stored={e} /></Tabs.Panel>
        <Tabs.Panel value="links"><Links stored={e} /></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={d} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/experiments/${encodeURIComponent(e.key)}`} invalidate={['experiments']} rollback={null} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Setup({ stored: e }: { stored: Stored }) {
  const t = useText(experiment)
  const toasts = useToasts()
  const put = useExperimentChange((d: Experiment) => saveExperiment(e.key, d))
  const before = e.document
  const saveAgain = (d: Experiment): Promise<unknown> => put.mutateAsync(d)
  return (
    <div style={{ maxWidth: 780 }}>
      <Editor document={before} saving={put.isPending} error={put.error} label={t('save')} save={(d) => void put.mutateAsync(d).then(() => toasts.done(t('saved'), () => saveAgain(before)), () => undefined)} />
    </div>
  )
}
