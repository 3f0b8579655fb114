import { Badge, Button, Tabs, Text } from '@mantine/core'
import { IconArchive, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { useMayChange } from './may'
import { retention } from './messages'
import { About, PolicyForm } from './PolicyForm'
import { addressOf, endPolicy, moving, policiesQuery, runsQuery, savePolicy, useRetentionChange } from './queries'
import type { Listed, Policy } from './queries'
import { ProcessingRecord } from './ProcessingRecord'
import { listTabs } from './routes'
import type { ListTab } from './routes'
import { Runs } from './Runs'

const route = getRouteApi('/shell/retention')

/** RetentionScreen is how long events are kept, what runs took out, and the record of processing. */
export function RetentionScreen() {
  const t = useText(retention)
  const navigate = useNavigate()
  const may = useMayChange()
  const { tab = 'policies', new: creating } = route.useSearch()
  const query = useQuery(policiesQuery)
  const runs = useQuery(runsQuery).data?.items ?? []
  const to = (search: { tab?: ListTab; new?: boolean }): void => void navigate({ to: '/retention', search, replace: !search.new })
  const add = may && <Button leftSection={<IconPlus size={16} />} onClick={() => to({ new: true })}>{t('add')}</Button>
  return (
    <Page title={t('title')} lead={<>{t('lead')}{!may && <> {t('mayNot')}</>}</>} actions={tab === 'policies' && (query.data?.length ?? 0) > 0 && add}>
      <Tabs value={tab} onChange={(x) => to(x === 'policies' ? {} : { tab: x as ListTab })} keepMounted={false}>
        <Tabs.List mb="lg">
          {listTabs.map((x) => <Tabs.Tab key={x} value={x} rightSection={x === 'runs' && runs.some(moving) ? <Badge size="sm" color="blue">{t('state_running')}</Badge> : undefined}>{t(`tab_${x}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="policies">
          <Async query={query} isEmpty={(d) => d.length === 0} empty={<Empty title={t('none')} icon={IconArchive} action={add}>{t('noneText')}</Empty>}>
            {(rows) => <Policies rows={rows} open={(key) => void navigate({ to: '/retention/$key', params: { key }, search: {} })} />}
          </Async>
        </Tabs.Panel>
        <Tabs.Panel value="runs"><Runs may={may} policies={query.data ?? []} /></Tabs.Panel>
        <Tabs.Panel value="record"><ProcessingRecord may={may} /></Tabs.Panel>
      </Tabs>
      <Sheet opened={creating === true && may} close={() => to({})} title={t('add')} size="44rem"><Create /></Sheet>
    </Page>
  )
}

const blank: Policy = { name: '', keep_days: 365 }

function Create() {
  const t = useText(retention)
  const toasts = useToasts()
  const navigate = useNavigate()
  const create = useRetentionChange((d: Policy) => savePolicy(slug(d.name ?? ''), d, true))
  const end = useRetentionChange(({ key, version }: { key: string; version: number }) => endPolicy(key, version))
  return (
    <PolicyForm document={blank} saving={create.isPending} error={create.error} save={(d) => create.mutate(d, {
      onSuccess: (s) => {
        toasts.done(t('saved'), () => end.mutateAsync({ key: s.key, version: s.version }))
        void navigate({ to: '/retention/$key', params: { key: s.key }, search: {} })
      },
    })} />
  )
}

function Policies({ rows, open }: { rows: Listed[]; open: (key: string) => void }) {
  const t = useText(retention)
  return (
    <DataTable label={t('tab_policies')} rows={rows} rowKey={(p) => addressOf(p.key)} rowHeight={52} open={(p) => open(p.key)} columns={[
      { key: 'name', header: t('name'), width: 'minmax(180px, 1fr)', cell: (p) => <Link to="/retention/$key" params={{ key: p.key }} search={{}} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }} className="rp-ellipsis">{p.document.name || p.key}</Link> },
      { key: 'about', header: t('about'), width: 'minmax(220px, 1.6fr)', cell: (p) => <About of={p.document} /> },
      { key: 'keep', header: t('keep'), width: '140px', end: true, cell: (p) => <span className="rp-num">{t('keepDays', { count: p.document.keep_days })}</span> },
      { key: 'purpose', header: t('purpose'), width: 'minmax(140px, 1fr)', cell: (p) => <Text size="sm" truncate c={p.document.purpose ? undefined : 'dimmed'}>{p.document.purpose || t('unsaid')}</Text> },
      { key: 'state', header: t('state'), width: '120px', cell: (p) => <Badge color={p.live_version === null ? 'gray' : 'green'}>{t(p.live_version === null ? 'is_off' : 'is_on')}</Badge> },
      { key: 'changed', header: t('changed'), width: '140px', end: true, cell: (p) => <Time at={p.time} /> },
    ]} />
  )
}
