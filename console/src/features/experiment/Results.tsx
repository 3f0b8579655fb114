import { Alert, Badge, Card, Code as Inline, Group, List, SegmentedControl, SimpleGrid, Stack, Switch, Table, Text, ThemeIcon, Title } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCircleDashed, IconHourglass, IconTrophy } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Code } from '~/shared/ui/Code'
import { Intervals } from './Intervals'
import { experiment } from './messages'
import { resultsQuery } from './queries'
import type { Report, Stored, Without } from './queries'

const route = getRouteApi('/shell/experiments/$key')

type MetricReport = NonNullable<Report['metrics']>[number]
type Method = 'sequential' | 'fixed' | 'bayesian'

/** Results say what came of an experiment so far, in a sentence first. */
export function Results({ stored: e }: { stored: Stored }) {
  const t = useText(experiment)
  const { mature, once } = route.useSearch()
  const query = useQuery({ ...resultsQuery(e.key, 3_000, { ...(mature ? { mature } : {}), ...(once ? { once } : {}) }), placeholderData: keepPreviousData })
  if (query.data?.people === 0 && (mature || once)) return <Stack gap="lg"><LeftOut stored={e} severals={0} /><Empty compact icon={IconHourglass} title={t('nobodyLeft')}>{t('nobodyLeftText')}</Empty></Stack>
  return <Async query={query}>{(r) => (r.people === 0 ? <Waiting stored={e} report={r} /> : <Shown stored={e} report={r} />)}</Async>
}

const faces = {
  winner: { color: 'green', icon: IconTrophy }, harm: { color: 'red', icon: IconAlertTriangle }, no_winner_yet: { color: 'blue', icon: IconHourglass },
  too_early: { color: 'gray', icon: IconHourglass }, not_to_be_trusted: { color: 'red', icon: IconAlertTriangle }, no_primary_metric: { color: 'yellow', icon: IconAlertTriangle },
} as const

function Shown({ stored: e, report: r }: { stored: Stored; report: Report }) {
  const t = useText(experiment)
  const [method, setMethod] = useState<Method>((e.document.analysis?.method as Method | undefined) ?? 'sequential')
  const face = faces[r.decision]
  return (
    <Stack gap="lg">
      <Card padding="lg">
        <Group wrap="nowrap" align="flex-start">
          <ThemeIcon size={44} radius="xl" variant="light" color={face.color}><face.icon size={24} stroke={1.7} /></ThemeIcon>
          <div>
            <Title order={2}>{t(`decision_${r.decision}`)}</Title>
            <Text mt={4}>{r.verdict}</Text>
            {r.conclusion && <Text mt="xs"><b>{t('learned')}:</b> {r.conclusion.text}</Text>}
          </div>
        </Group>
      </Card>
      {(r.warnings?.length ?? 0) > 0 && (
        <Alert color="yellow" icon={<IconAlertTriangle size={20} />} title={t('warnings')}>
          <List size="sm">{r.warnings?.map((w) => <List.Item key={w}>{w}</List.Item>)}</List>
        </Alert>
      )}
      <LeftOut stored={e} severals={r.saw_several} />
      <Arms report={r} />
      <Group justify="space-between">
        <Title order={2}>{t('metrics')}</Title>
        <SegmentedControl aria-label={t('method')} value={method} onChange={(to) => setMethod(to as Method)} data={(['sequential', 'fixed', 'bayesian'] as const).map((m) => ({ value: m, label: t(`method_${m}`) }))} />
      </Group>
      <Text size="sm" c="dimmed" mt={-12}>{t(`methodHint_${method}`)}</Text>
      {r.metrics?.map((m) => <OneMetric key={m.key} metric={m} method={method} report={r} />)}
    </Stack>
  )
}

/** LeftOut says of whom the results are, where that is not everybody who takes part. */
function LeftOut({ stored: e, severals }: { stored: Stored; severals: number }) {
  const t = useText(experiment)
  const navigate = useNavigate()
  const search = route.useSearch()
  const windows = e.document.metrics?.some((m) => m.window) ?? false
  const set = (name: keyof Without, on: boolean): void => {
    const { [name]: _, ...others } = search
    void navigate({ to: '/experiments/$key', params: { key: e.key }, search: on ? { ...others, [name]: true } : others, replace: true })
  }
  const boxes = (['mature', 'once'] as const).filter((name) => search[name] || (name === 'mature' ? windows : severals > 0))
  if (boxes.length === 0) return null
  return (
    <Group gap="xl" role="group" aria-label={t('leftOut')}>
      {boxes.map((name) => <Switch key={name} checked={search[name] === true} onChange={(ev) => set(name, ev.currentTarget.checked)} label={t(`only_${name}`)} description={t(`only_${name}Hint`)} />)}
    </Group>
  )
}

function Arms({ report: r }: { report: Report }) {
  const t = useText(experiment)
  const f = useFormats()
  const p = r.sample_ratio.p
  return (
    <section>
      <Group gap="sm" mb="xs">
        <Title order={2}>{t('peopleCount', { count: r.people })}</Title>
        {p !== null && <Badge color={p < 0.001 ? 'red' : 'green'}>{t(p < 0.001 ? 'ratioBad' : 'ratioGood')}</Badge>}
        {(r.recounting ?? 0) > 0 && <Badge color="gray">{t('recounting', { count: r.recounting ?? 0 })}</Badge>}
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: Math.min(4, r.variants?.length ?? 1) }} spacing="md">
        {r.variants?.map((v, i) => (
          <Card key={v.key} padding="md">
            <Group justify="space-between" wrap="nowrap">
              <Text fw={550} truncate>{v.name || v.key}</Text>
              {i === 0 ? <Badge color="gray">{t('control')}</Badge> : r.winner === v.key && <Badge color="green">{t('best')}</Badge>}
            </Group>
            <Text fw={600} size="xl" className="rp-num" mt={4}>{f.number(v.people)}</Text>
            <Text size="sm" c="dimmed">{t('shareOf', { share: f.percent(v.share) })}</Text>
          </Card>
        ))}
      </SimpleGrid>
      {r.saw_several > 0 && <Text size="sm" c="dimmed" mt="xs">{t('sawSeveral', { count: r.saw_several })}</Text>}
    </section>
  )
}

function OneMetric({ metric: m, method, report: r }: { metric: MetricReport; method: Method; report: Report }) {
  const t = useText(experiment)
  const f = useFormats()
  const nameOf = (key: string): string => r.variants?.find((v) => v.key === key)?.name || key
  const rows = (m.comparisons ?? []).map((c) => ({ name: nameOf(c.variant), ...c[method], chance: c.bayesian.chance_to_win, p: 'p' in c[method] ? (c[method] as { p: number }).p : undefined, guardrail: c.guardrail, more: c.power?.more_days }))
  const value = (x: number | null): string => (x === null ? '–' : m.type === 'conversion' ? f.percent(x) : f.number(Math.round(x * 100) / 100))
  const relative = (x: number | null | undefined): string => (x === null || x === undefined ? '–' : `${x > 0 ? '+' : ''}${f.percent(x)}`)
  const role = (['primary', 'secondary', 'guardrail'] as const).find((x) => x === m.role) ?? 'secondary'
  return (
    <Card padding="lg">
      <Group gap="sm" mb="sm">
        <Title order={3}>{m.name || m.key}</Title>
        <Badge color={role === 'primary' ? 'iris' : 'gray'}>{t(`role_${role}`)}</Badge>
        {m.adjusted && <Badge color="gray" title={t('adjustedHint')}>{t('adjusted')}</Badge>}
        {m.less_is_better && <Badge color="gray">{t('less')}</Badge>}
      </Group>
      <Intervals rows={rows} lessIsBetter={m.less_is_better === true} label={t('intervalsOf', { name: m.name || m.key })} />
      <Table mt="md">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('variant')}</Table.Th><Table.Th ta="end">{t('people')}</Table.Th><Table.Th ta="end">{t('value')}</Table.Th>
            <Table.Th ta="end">{t('difference')}</Table.Th><Table.Th ta="end">{t('range')}</Table.Th><Table.Th ta="end">{t(method === 'bayesian' ? 'chance' : 'p')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody className="rp-num">
          {m.variants?.map((v) => {
            const c = rows.find((x) => x.name === nameOf(v.variant))
            return (
              <Table.Tr key={v.variant}>
                <Table.Td fw={550}>{nameOf(v.variant)}{c?.guardrail && <Badge ms="xs" color={c.guardrail === 'failed' ? 'red' : c.guardrail === 'passed' ? 'green' : 'gray'}>{t(`guardrail_${c.guardrail}`)}</Badge>}</Table.Td>
                <Table.Td ta="end">{f.number(v.people)}</Table.Td>
                <Table.Td ta="end">{value(v.value)}</Table.Td>
                <Table.Td ta="end">{c ? relative(c.estimate) : t('baseline')}</Table.Td>
                <Table.Td ta="end">{c ? t('fromTo', { low: relative(c.low), high: relative(c.high) }) : ''}</Table.Td>
                <Table.Td ta="end">{c ? (method === 'bayesian' ? f.percent(c.chance) : c.p === undefined ? '–' : c.p < 0.001 ? '< 0.001' : f.number(Math.round(c.p * 1000) / 1000)) : ''}</Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
    </Card>
  )
}

/** Waiting says why there is nothing yet: what is done, and what is missing. */
function Waiting({ stored: e, report: r }: { stored: Stored; report: Report }) {
  const t = useText(experiment)
  const metrics = e.document.metrics?.length ?? 0
  const state = e.document.state ?? 'draft'
  const steps = [
    { done: metrics > 0, text: t('waitMetric') },
    { done: state !== 'draft', text: t('waitStart') },
    { done: r.people > 0, text: t('waitPeople') },
  ]
  const ask = `curl -X POST ${location.origin}/v1/decide -H "Authorization: Bearer $WRITE_KEY" \\\n  -H "Content-Type: application/json" -d '{"anonymous_id": "a1", "experiments": ["${e.key}"]}'`
  return (
    <Stack maw={780} gap="lg">
      <div>
        <Title order={2}>{t('waitTitle')}</Title>
        <Text c="dimmed">{t('waitText')}</Text>
      </div>
      <List spacing="sm" center>
        {steps.map((s) => (
          <List.Item key={s.text} icon={<ThemeIcon size={26} radius="xl" variant="light" color={s.done ? 'green' : 'gray'}>{s.done ? <IconCheck size={15} aria-label={t('done')} /> : <IconCircleDashed size={15} aria-label={t('open')} />}</ThemeIcon>}>{s.text}</List.Item>
        ))}
      </List>
      <div>
        <Text mb="xs">{t('askHow')} <Inline>{e.key}</Inline></Text>
        <Code text={ask} label={t('askHow')} />
      </div>
    </Stack>
  )
}
