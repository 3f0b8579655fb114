import { Alert, Card, Group, List, Progress, Stack, Table, Text, Title } from '@mantine/core'
import { IconReportAnalytics } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { nameOf } from '~/features/profile/name'
import { profileQuery } from '~/features/profile/queries'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import css from './Broadcast.module.css'
import { broadcast, reasonText } from './messages'
import { audienceQuery, reportQuery } from './queries'
import type { Broadcast } from './queries'

/** AudienceTab says who will get it, and why others will not. */
export function AudienceTab({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const f = useFormats()
  const query = useQuery(audienceQuery(b.key, b.version))
  return (
    <Async query={query}>
      {(a) => {
        const reasons = Object.entries(a.will_not).sort((x, y) => y[1] - x[1])
        return (
          <Stack gap="lg">
            {(a.problems?.length ?? 0) > 0 && (
              <Alert color="red" title={t('problems')}>
                <List size="sm">{a.problems?.map((p) => <List.Item key={p}>{p}</List.Item>)}</List>
              </Alert>
            )}
            <Card padding="md">
              <Group align="flex-end" gap="sm">
                <Text fz={32} fw={650} lh={1.1} className="rp-num" data-gets>{f.number(a.will_get_it)}</Text>
                <Text pb={2}>{t('willGet', { count: a.will_get_it })} <Text span c="dimmed">{t('ofMembers', { count: a.members })}</Text></Text>
              </Group>
              <Progress mt="sm" size="sm" value={a.members ? (100 * a.will_get_it) / a.members : 0} aria-label={t('willGet', { count: a.will_get_it })} />
              {a.after_quiet_hours > 0 && <Text size="sm" c="dimmed" mt="xs">{t('quietLater', { count: a.after_quiet_hours })}</Text>}
              <Text size="sm" mt="xs"><Link to="/segments/$key" params={{ key: b.segment }}>{b.segment}</Link></Text>
            </Card>
            <section>
              <Title order={2} mb="sm">{t('willNot')}</Title>
              {reasons.length === 0 ? <Text c="dimmed">{t('everybodyGets')}</Text> : <Reasons reasons={reasons} examples={a.examples} />}
            </section>
          </Stack>
        )
      }}
    </Async>
  )
}

function Reasons({ reasons, examples }: { reasons: [string, number][]; examples?: Record<string, string[] | null> }) {
  const t = useText(broadcast)
  const f = useFormats()
  return (
    <Card padding={0}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('reason')}</Table.Th>
            <Table.Th ta="end">{t('people')}</Table.Th>
            {examples && <Table.Th>{t('examples')}</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {reasons.map(([reason, n]) => (
            <Table.Tr key={reason}>
              <Table.Td>{reasonText(t, reason)}</Table.Td>
              <Table.Td ta="end" className="rp-num">{f.number(n)}</Table.Td>
              {examples && <Table.Td><Group gap="sm">{(examples[reason] ?? []).slice(0, 3).map((id) => <Person key={id} id={id} />)}</Group></Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  )
}

function Person({ id }: { id: string }) {
  const { data } = useQuery({ ...profileQuery(id), refetchInterval: false, staleTime: 60_000 })
  return <Link to="/people/$ref" params={{ ref: id }} style={{ fontSize: 'var(--mantine-font-size-sm)', lineHeight: '24px' }}>{data ? nameOf(data.identifiers, data.id) : id.slice(0, 8)}</Link>
}

const outcomes = ['delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'complained', 'failed', 'waiting'] as const

/** ReportTab says what became of each message. */
export function ReportTab({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const f = useFormats()
  const query = useQuery(reportQuery(b.key, b.standing.state === 'sending'))
  return (
    <Async query={query} isEmpty={(r) => r.state === 'draft' || r.state === 'scheduled'} empty={<Empty compact icon={IconReportAnalytics} title={t('reportNone')}>{t('reportNoneText')}</Empty>}>
      {(r) => {
        const done = r.messages - r.waiting
        const reasons = Object.entries(r.not_sent).sort((x, y) => y[1] - x[1])
        return (
          <Stack gap="lg">
            {r.problem && <Alert color="red" title={t('problem')}>{r.problem}</Alert>}
            <div>
              <Text size="sm" mb={6}>{t('progress', { done, all: r.messages })}</Text>
              <Progress value={r.messages ? (100 * done) / r.messages : 0} aria-label={t('progress', { done, all: r.messages })} animated={r.state === 'sending'} />
            </div>
            <div className={css.figures}>
              {outcomes.map((name) => (
                <div key={name} className={css.figure} data-outcome={name}>
                  <Text size="sm" c="dimmed">{t(name)}</Text>
                  <div className={css.big}>{f.number(r[name])}</div>
                  {['opened', 'clicked', 'bounced', 'unsubscribed', 'complained'].includes(name) && r.delivered > 0 && <Text size="xs" c="dimmed">{t('ofSent', { share: f.percent(r[name] / r.delivered) })}</Text>}
                </div>
              ))}
            </div>
            {reasons.length > 0 && (
              <section>
                <Title order={2} mb="sm">{t('willNot')}</Title>
                <Reasons reasons={reasons} />
              </section>
            )}
          </Stack>
        )
      }}
    </Async>
  )
}
