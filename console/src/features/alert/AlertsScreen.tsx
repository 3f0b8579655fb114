import { Badge, Button, Card, Group, Stack, Tabs, Text } from '@mantine/core'
import { IconBell, IconCircleCheck, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { About } from './About'
import { AlertForm, Summary } from './AlertForm'
import { alert } from './messages'
import { alertsQuery, saveAlert, standingQuery, useAlertChange } from './queries'
import type { Alert, Listed, Standing } from './queries'
import { listTabs } from './routes'
import type { ListTab } from './routes'
import { Said } from './Said'

const route = getRouteApi('/shell/alerts')
const blank: Alert = { name: '', when: { destination_failing: {} }, send_to: [] }

/** AlertsScreen is what is wrong now, who is told of what, and what was said. */
export function AlertsScreen() {
  const t = useText(alert)
  const toasts = useToasts()
  const navigate = useNavigate()
  const { tab = 'standing', new: creating } = route.useSearch()
  const query = useQuery(alertsQuery)
  const standing = useQuery(standingQuery)
  const create = useAlertChange((d: Alert) => saveAlert(slug(d.name), d, true))
  const to = (search: { tab?: ListTab; new?: boolean }): void => void navigate({ to: '/alerts', search, replace: !search.new })
  const add = <May area="process"><Button leftSection={<IconPlus size={16} />} onClick={() => to({ tab: 'rules', new: true })}>{t('add')}</Button></May>
  const none = <Empty title={t('none')} icon={IconBell} action={add}>{t('noneText')}</Empty>
  return (
    <Page title={t('alerts')} lead={t('lead')} actions={(query.data?.length ?? 0) > 0 && add}>
      <Tabs value={tab} onChange={(x) => to(x === 'standing' ? {} : { tab: x as ListTab })} keepMounted={false}>
        <Tabs.List mb="lg">
          {listTabs.map((x) => <Tabs.Tab key={x} value={x} rightSection={x === 'standing' && (standing.data?.items?.length ?? 0) > 0 ? <Badge size="sm" color="red" circle>{standing.data?.items?.length}</Badge> : undefined}>{t(`tab_${x}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="standing">
          <Async query={query} isEmpty={(d) => d.length === 0} empty={none}>
            {() => (
              <Async query={standing} isEmpty={(d) => (d.items ?? []).length === 0} empty={<Empty title={t('allWell')} icon={IconCircleCheck}>{t('allWellText')}</Empty>}>
                {({ items }) => <Stack gap="sm">{(items ?? []).map((s) => <One key={`${s.alert} ${s.about ?? ''}`} of={s} />)}</Stack>}
              </Async>
            )}
          </Async>
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Async query={query} isEmpty={(d) => d.length === 0} empty={none}>
            {(rows) => <Rules rows={rows} standing={standing.data?.items ?? []} open={(key) => void navigate({ to: '/alerts/$key', params: { key } })} />}
          </Async>
        </Tabs.Panel>
        <Tabs.Panel value="said"><Said /></Tabs.Panel>
      </Tabs>
      <Sheet opened={creating === true} close={() => to({ tab: 'rules' })} title={t('add')} size="44rem">
        <AlertForm document={blank} saving={create.isPending} error={create.error} label={t('save')} save={(d) => void create.mutateAsync(d).then((s) => {
          toasts.done(t('saved'))
          void navigate({ to: '/alerts/$key', params: { key: s.key }, search: {} })
        }, () => undefined)} />
      </Sheet>
    </Page>
  )
}

function Rules({ rows, standing, open }: { rows: Listed[]; standing: Standing[]; open: (key: string) => void }) {
  const t = useText(alert)
  const state = (a: Listed): 'off' | 'standing' | 'quiet' => (a.live_version === null ? 'off' : standing.some((s) => s.alert === a.key) ? 'standing' : 'quiet')
  return (
    <DataTable label={t('tab_rules')} rows={rows} rowKey={(a) => a.key} rowHeight={52} open={(a) => open(a.key)} columns={[
      { key: 'name', header: t('name'), width: 'minmax(180px, 1fr)', cell: (a) => <Link to="/alerts/$key" params={{ key: a.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }} className="rp-ellipsis">{a.document.name}</Link> },
      { key: 'about', header: t('about'), width: 'minmax(220px, 1.6fr)', cell: (a) => <Summary of={a.document} /> },
      { key: 'to', header: t('sendTo'), width: 'minmax(130px, 1fr)', cell: (a) => <Text size="sm" truncate>{a.document.send_to.join(', ')}</Text> },
      { key: 'state', header: t('state'), width: '140px', cell: (a) => <Badge color={{ off: 'gray', standing: 'red', quiet: 'green' }[state(a)]}>{t(`is_${state(a)}`)}</Badge> },
      { key: 'changed', header: t('changed'), width: '140px', end: true, cell: (a) => <Time at={a.time} /> },
    ]} />
  )
}

function One({ of: s }: { of: Standing }) {
  const t = useText(alert)
  return (
    <Card padding="md">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group gap="xs">
          <Badge color={s.gone_at ? 'yellow' : 'red'}>{t(s.gone_at ? 'seemsOver' : s.said_at ? 'state_fired' : 'notYetSaid')}</Badge>
          <Link to="/alerts/$key" params={{ key: s.alert }} style={{ fontWeight: 600 }}>{s.title}</Link>
          <About about={s.about} />
        </Group>
        <Text size="sm" c="dimmed">{t('since')} <Time at={s.since} /></Text>
      </Group>
      <Text size="sm" mt={6}>{s.message}</Text>
      {s.mend && <Text size="sm" c="dimmed">{s.mend}</Text>}
    </Card>
  )
}
