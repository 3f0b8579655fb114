import { Alert, Avatar, Badge, Card, Group, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { Suspense, lazy, useEffect, useState } from 'react'
import { markVisited } from '~/features/home/visited'
import { useSegmentNames } from '~/features/segment/queries'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Loading } from '~/shared/states/Loading'
import { BackLink } from '~/shared/ui/BackLink'
import { Json } from '~/shared/ui/Code'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { Attributes } from './Attributes'
import { Consents } from './Consents'
import { LogEvent } from './LogEvent'
import { profile } from './messages'
import { fullName, initials, nameOf } from './name'
import { page } from './pageMessages'
import { profileQuery } from './queries'
import type { Profile } from './queries'
import { profileTabs } from './routes'
import type { ProfileTab } from './routes'
import { Standing } from './Standing'
import { Timeline } from './Timeline'
import { Unmask } from './Unmask'
import { unmask } from './unmaskMessages'

// The graph's library is large: it comes with its tab.
const Identity = lazy(() => import('./Identity').then((m) => ({ default: m.Identity })))

const route = getRouteApi('/shell/people/$ref')

/** ProfileScreen is everything that is known of one person, and why. */
export function ProfileScreen() {
  const { ref } = route.useParams()
  const query = useQuery(profileQuery(ref))
  useEffect(() => markVisited('people'), [])
  return <Async query={query}>{(p) => <Person key={ref} read={p} refer={ref} />}</Async>
}

function Person({ read, refer }: { read: Profile; refer: string }) {
  const t = useText(page)
  const u = useText(unmask)
  const [seen, see] = useState<Profile>()
  const p = seen ?? read
  const o = useText(profile)
  const { tab = 'timeline' } = route.useSearch()
  const navigate = useNavigate()
  const name = fullName(p.traits) ?? nameOf(p.identifiers, p.id)
  return (
    <Page
      title={name}
      back={<BackLink to="/people">{o('people')}</BackLink>}
      badge={<Badge color={p.anonymous ? 'gray' : 'green'}>{o(p.anonymous ? 'anonymous' : 'known')}</Badge>}
      actions={<><Unmask refer={refer} profile={p} shown={seen !== undefined} show={see} /><LogEvent profile={p} /></>}
    >
      {seen && <Alert color="yellow" mb="md">{u('noted')}</Alert>}
      <Summary profile={p} name={name} />
      <Tabs value={tab} onChange={(to) => void navigate({ to: '/people/$ref', params: { ref: refer }, search: to === 'timeline' ? {} : { tab: to as ProfileTab }, replace: true })} keepMounted={false}>
        <Tabs.List mb="lg">
          {profileTabs.map((key) => <Tabs.Tab key={key} value={key}>{t(`tab_${key}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="timeline"><Timeline refer={refer} /></Tabs.Panel>
        <Tabs.Panel value="attributes"><Attributes profile={p} /></Tabs.Panel>
        <Tabs.Panel value="segments"><Standing refer={refer} /></Tabs.Panel>
        <Tabs.Panel value="identity"><Suspense fallback={<Loading />}><Identity refer={refer} /></Suspense></Tabs.Panel>
        <Tabs.Panel value="consent"><Consents refer={refer} /></Tabs.Panel>
        <Tabs.Panel value="raw"><Json value={p} label={t('rawLabel')} height={640} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Summary({ profile: p, name }: { profile: Profile; name: string }) {
  const t = useText(page)
  const f = useFormats()
  const segmentName = useSegmentNames()
  const c = p.computed
  const spent = Object.entries((c.order_total ?? {}) as Record<string, number>).map(([currency, n]) => `${f.number(n)} ${currency}`).join(', ')
  return (
    <Card mb="lg" padding="md">
      <Group gap="xl" wrap="wrap">
        <Group gap="md" wrap="nowrap">
          <Avatar size={44} radius="xl" color={p.anonymous ? 'gray' : 'iris'}>{p.anonymous ? '?' : initials(name)}</Avatar>
          <div>
            {[...p.identifiers].sort((a, b) => Number(a.namespace === 'anonymous_id') - Number(b.namespace === 'anonymous_id')).slice(0, 2).map((i) => <Text key={i.namespace + i.value} size="sm" className="rp-break"><Text span size="sm" c="dimmed">{i.namespace}</Text> {i.value}</Text>)}
          </div>
        </Group>
        <Figure name={t('events')} value={f.number(c.event_count)} />
        <Figure name={t('orders')} value={f.number(c.order_count ?? 0)} />
        {spent && <Figure name={t('spent')} value={spent} />}
        <Figure name={t('firstSeen')} value={<Time at={c.first_seen} />} />
        <Figure name={t('lastSeen')} value={<Time at={c.last_seen} />} />
        <Group gap={6}>{p.segments.map((s) => <Badge key={s} title={s}>{segmentName(s)}</Badge>)}</Group>
      </Group>
    </Card>
  )
}

function Figure({ name, value }: { name: string; value: React.ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">{name}</Text>
      <Text fw={600} className="rp-num">{value}</Text>
    </div>
  )
}
