import { Badge, Button, Tabs } from '@mantine/core'
import { IconArchiveOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { useMayChange } from './may'
import { retention } from './messages'
import { About, PolicyForm } from './PolicyForm'
import { addressOf, endPolicy, policyQuery, savePolicy, useRetentionChange } from './queries'
import type { Policy, Stored } from './queries'
import { policyTabs } from './routes'
import type { PolicyTab } from './routes'

const route = getRouteApi('/shell/retention/$key')

/** PolicyScreen is one policy: which events it keeps how long, and what it was before. */
export function PolicyScreen() {
  const { key } = route.useParams()
  const query = useQuery(policyQuery(key))
  return <Async query={query}>{(p) => <One stored={p} />}</Async>
}

function One({ stored: p }: { stored: Stored }) {
  const t = useText(retention)
  const may = useMayChange()
  const { tab = 'edit' } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void => void navigate({ to: '/retention/$key', params: { key: p.key }, search: to === 'edit' ? {} : { tab: to as PolicyTab }, replace: true })
  const off = p.live_version === null
  return (
    <Page
      title={p.document.name || p.key}
      back={<BackLink to="/retention">{t('title')}</BackLink>}
      badge={<Badge color={off ? 'gray' : 'green'}>{t(off ? 'is_off' : 'is_on')}</Badge>}
      lead={<>{t('keepDays', { count: p.document.keep_days })} · <About of={p.document} inherit />{!may && <div>{t('mayNot')}</div>}</>}
      actions={may && <Turn stored={p} />}
    >
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">{policyTabs.map((x) => <Tabs.Tab key={x} value={x}>{t(`tab_${x}`)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="edit"><div style={{ maxWidth: 780 }}><Edit key={p.version} stored={p} readOnly={!may} /></div></Tabs.Panel>
        <Tabs.Panel value="yaml"><YamlTab document={p.document} /></Tabs.Panel>
        <Tabs.Panel value="history"><History address={addressOf(p.key)} invalidate={['retention']} {...(may ? {} : { rollback: null })} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Edit({ stored: p, readOnly }: { stored: Stored; readOnly: boolean }) {
  const t = useText(retention)
  const toasts = useToasts()
  const put = useRetentionChange((d: Policy) => savePolicy(p.key, d))
  const before = p.document
  return <PolicyForm document={before} readOnly={readOnly} saving={put.isPending} error={put.error} save={(d) => put.mutate(d, { onSuccess: () => toasts.done(t('saved'), () => put.mutateAsync(before)) })} />
}

/** Turn ends a policy, or puts one in force again. */
function Turn({ stored: p }: { stored: Stored }) {
  const t = useText(retention)
  const toasts = useToasts()
  const on = useRetentionChange(() => savePolicy(p.key, p.document))
  const off = useRetentionChange((version: number) => endPolicy(p.key, version))
  const live = p.live_version
  return live === null
    ? <Button variant="default" loading={on.isPending} onClick={() => on.mutate(undefined, { onSuccess: () => toasts.done(t('saved')), onError: toasts.failed })}>{t('resume')}</Button>
    : <Button variant="default" leftSection={<IconArchiveOff size={16} />} loading={off.isPending} onClick={() => off.mutate(live, { onSuccess: () => toasts.done(t('ended'), () => on.mutateAsync(undefined)), onError: toasts.failed })}>{t('end')}</Button>
}
