import { Card, Table, Tabs, Text } from '@mantine/core'
import { IconList } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import type { AnswerOf } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { BackLink } from '~/shared/ui/BackLink'
import { Json } from '~/shared/ui/Code'
import { Page } from '~/shared/ui/Page'
import { profile } from './messages'
import { fullName, nameOf } from './name'
import { profileTabs } from './routes'
import type { ProfileTab } from './routes'

const route = getRouteApi('/shell/people/$ref')

type Profile = AnswerOf<'get-profile'>

/** ProfileScreen is everything that is known of one person. */
export function ProfileScreen() {
  const { ref } = route.useParams()
  const query = useQuery({
    queryKey: ['profiles', ref],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}', { params: { path: { ref }, query: { include: ['lineage'] } }, signal })),
    refetchInterval: 5_000,
  })
  return <Async query={query}>{(p) => <Person profile={p} />}</Async>
}

function Person({ profile: p }: { profile: Profile }) {
  const t = useText(profile)
  const { ref } = route.useParams()
  const { tab = 'attributes' } = route.useSearch()
  const navigate = useNavigate()
  return (
    <Page title={fullName(p.traits) ?? nameOf(p.identifiers, p.id)} back={<BackLink to="/people">{t('people')}</BackLink>}>
      <Tabs value={tab} onChange={(to) => void navigate({ to: '/people/$ref', params: { ref }, search: { tab: to as ProfileTab }, replace: true })} keepMounted={false}>
        <Tabs.List mb="lg">
          {profileTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="attributes"><Attributes traits={p.traits} /></Tabs.Panel>
        <Tabs.Panel value="raw"><Json value={p} label={t('rawLabel')} height={640} /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Attributes({ traits }: { traits: Readonly<Record<string, unknown>> }) {
  const t = useText(profile)
  const entries = Object.entries(traits)
  if (entries.length === 0) return <Empty title={t('noAttributes')} icon={IconList}>{t('noAttributesText')}</Empty>
  return (
    <Card padding={0}>
      <Table>
        <Table.Tbody>
          {entries.map(([key, value]) => (
            <Table.Tr key={key}>
              <Table.Td w={240}><Text c="dimmed" size="sm">{key}</Text></Table.Td>
              <Table.Td className="rp-break">{typeof value === 'string' ? value : JSON.stringify(value)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  )
}
