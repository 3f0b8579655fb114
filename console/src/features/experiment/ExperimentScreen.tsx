import { Alert, Tabs } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
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
import { Actions } from './Actions'
import { Editor } from './Editor'
import { Links } from './Links'
import { experiment } from './messages'
import { experimentQuery, saveExperiment, useExperimentChange, versionQuery } from './queries'
import type { Experiment, Stored } from './queries'
import { Results } from './Results'
import { experimentTabs } from './routes'
import type { ExperimentTab, State } from './routes'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/experiments/$key')

/** ExperimentScreen is one experiment: its plan, its run, its results. */
export function ExperimentScreen() {
  const { key } = route.useParams()
  const newest = useQuery(experimentQuery(key))
  // What people get is the live version; a newer one beside it is a draft.
  const live = newest.data?.live_version ?? 0
  const apart = live !== 0 && live !== newest.data?.version
  const inForce = useQuery({ ...versionQuery(key, live), enabled: apart })
  return <Async query={apart ? inForce : newest}>{(e) => <One stored={e} draft={apart ? newest.data : undefined} />}</Async>
}

function One({ stored: e, draft }: { stored: Stored; draft: Stored | undefined }) {
  const t = useText(experiment)
  const d = e.document
  const first: ExperimentTab = (d.state ?? 'draft') === 'draft' ? 'setup' : 'results'
  const { tab = first } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void =>
    void navigate({ to: '/experiments/$key', params: { key: e.key }, search: to === first ? {} : { tab: to as ExperimentTab }, replace: true })
  return (
    <Page title={d.name} back={<BackLink to="/experiments">{t('experiments')}</BackLink>} badge={<StateBadge state={d.state ?? 'draft'} />} lead={d.description} actions={<May area="experiments"><Actions stored={e} /></May>}>
      {draft && <Alert mb="lg" color="gray" icon={<IconPencil size={18} />}>{t('draftWaits', { draft: draft.version, live: e.version })}</Alert>}
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {experimentTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="results"><Results stored={e} /></Tabs.Panel>
        <Tabs.Panel value="setup"><Setup key={draft?.version ?? e.version} stored={draft ?? e} state={d.state} /></Tabs.Panel>
        <Tabs.Panel value="links"><Links stored={e} /></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={(draft ?? e).document} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={`/api/v1/experiments/${encodeURIComponent(e.key)}`} invalidate={['experiments']} rollback={(was: Experiment) => saveExperiment(e.key, inState(was, d.state))} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

/** inState is a document of an experiment that does what it does now: saving changes no more than the plan. */
const inState = (d: Experiment, state: State | undefined): Experiment => ({ ...d, ...(state ? { state } : {}) })

function Setup({ stored: e, state }: { stored: Stored; state: State | undefined }) {
  const t = useText(experiment)
  const toasts = useToasts()
  const put = useExperimentChange((d: Experiment) => saveExperiment(e.key, inState(d, state)))
  const before = e.document
  const saveAgain = (d: Experiment): Promise<unknown> => put.mutateAsync(d)
  return (
    <div style={{ maxWidth: 780 }}>
      <Editor document={before} saving={put.isPending} error={put.error} label={t('save')} save={(d) => void put.mutateAsync(d).then(() => toasts.done(t('saved'), () => saveAgain(before)), () => undefined)} />
    </div>
  )
}
