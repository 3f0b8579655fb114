import { Alert, Badge, Button, Card, Grid, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { PersonPicker } from '~/features/profile/PersonPicker'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import type { Picture } from './canvas/picture'
import css from './Draw.module.css'
import { decision } from './messages'
import type { Evaluated, Model } from './queries'

/** Try asks the newest version for a real person, and shows what every box came to. */
export function Try({ model: m, person }: { model: Model; person: string | undefined }) {
  const t = useText(decision)
  const navigate = useNavigate()
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [asked, ask_] = useState<Record<string, string>>()
  const given = asked ?? {}
  const result = useQuery({
    queryKey: ['decision-models', m.key, 'try', m.version, person, given],
    queryFn: ({ signal }) =>
      ask(api.POST('/api/v1/decision-models/{key}/evaluate', {
        params: { path: { key: m.key }, query: { version: String(m.version), explain: true } },
        body: { ...(person ? { profile: person } : {}), inputs: Object.fromEntries(Object.entries(given).filter(([, v]) => v.trim() !== '').map(([k, v]) => [k, valueOf(v)])) },
        signal,
      })),
    enabled: person !== undefined || asked !== undefined,
    retry: false,
  })
  const pick = (ref: string | undefined): void =>
    void navigate({ to: '/decisions/$key', params: { key: m.key }, search: { tab: 'try', ...(ref ? { person: ref } : {}) }, replace: true })
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, lg: 4 }}>
        <Stack>
          <PersonPicker label={t('withWhom')} description={t('withWhomHint')} value={person} change={pick} />
          <form onSubmit={(e) => { e.preventDefault(); ask_({ ...typed }); void result.refetch() }}>
            <Stack gap="sm">
              <div>
                <Text size="sm" fw={600}>{t('whatIf')}</Text>
                <Text size="xs" c="dimmed">{t('whatIfHint')}</Text>
              </div>
              {m.inputs?.map((i) => (
                <TextInput key={i.name} label={i.name} value={typed[i.name] ?? ''} placeholder={shown(result.data?.inputs?.find((b) => b.name === i.name)?.value)} onChange={(e) => { const to = e.currentTarget.value; setTyped((was) => ({ ...was, [i.name]: to })) }} />
              ))}
              <Button type="submit" leftSection={<IconPlayerPlay size={16} />} loading={result.isFetching}>{t('run')}</Button>
            </Stack>
          </form>
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 8 }}>
        <Stack>
          <Lit model={m} result={result.data} />
          {result.error ? <ProblemState error={result.error} compact /> : result.data ? <Answer result={result.data} /> : result.isFetching ? <Loading /> : <Empty compact title={t('tryTitle')}>{t('tryText')}</Empty>}
        </Stack>
      </Grid.Col>
    </Grid>
  )
}

// What is typed is JSON where it can be, and text otherwise.
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** shown is a value in one line. */
export function shown(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function Lit({ model: m, result }: { model: Model; result: Evaluated | undefined }) {
  const t = useText(decision)
  const container = useRef<HTMLDivElement>(null)
  const [picture, setPicture] = useState<Picture>()
  const [failed, setFailed] = useState<unknown>()
  useEffect(() => {
    let gone = false
    let made: Picture | undefined
    void import('./canvas/picture').then(({ Picture }) => (container.current && !gone ? Picture.open(container.current, m.xml ?? '') : undefined)).then((p) => {
      made = p
      if (gone) p?.destroy()
      else setPicture(p)
    }, (e: unknown) => !gone && setFailed(e))
    return () => {
      gone = true
      made?.destroy()
    }
  }, [m.xml])
  const values = useMemo(() => {
    if (!result) return undefined
    const out = new Map<string, string>()
    for (const i of result.inputs ?? []) if (i.value !== null && i.value !== undefined) out.set(i.name, shown(i.value))
    for (const s of result.trace ?? []) out.set(s.name, shown(s.output))
    return out
  }, [result])
  useEffect(() => picture?.light(values), [picture, values])
  if (failed !== undefined) return <ProblemState error={failed} compact />
  return (
    <div className={css.paper} style={{ height: 360 }}>
      <div ref={container} className={css.canvas} role="region" aria-label={values ? t('litLabel', { boxes: [...values.keys()].join(', ') }) : t('drawing')} />
    </div>
  )
}

function Answer({ result: r }: { result: Evaluated }) {
  const t = useText(decision)
  const f = useFormats()
  return (
    <Stack gap="lg">
      <section aria-label={t('answer')}>
        <Group gap="sm" mb="xs" align="baseline">
          <Title order={2}>{t('answer')}</Title>
          <Text size="sm" c="dimmed">{t('took', { time: f.span(r.took_us / 1000) })}</Text>
        </Group>
        <Group gap="md">
          {Object.entries(r.outputs).map(([name, value]) => (
            <Card key={name} padding="md" miw={200}>
              <Text size="sm" c="dimmed">{name}</Text>
              <Text fw={600} size="lg" className="rp-break">{shown(value)}</Text>
            </Card>
          ))}
        </Group>
      </section>
      {r.consent && !r.consent.allowed && <Alert color="yellow" title={t('noConsent')}>{t('noConsentText', { purpose: r.consent.purpose })}</Alert>}
      {r.diagnostics.length > 0 && (
        <Alert color="yellow" title={t('diagnostics')}>
          {r.diagnostics.map((d) => <Text key={`${d.node ?? ''}${d.message}`} size="sm">{d.node && <b>{d.node}: </b>}{d.message}</Text>)}
        </Alert>
      )}
      <section>
        <Title order={2} mb="xs">{t('steps')}</Title>
        <Card padding={0}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t('box')}</Table.Th><Table.Th>{t('read')}</Table.Th><Table.Th>{t('why')}</Table.Th><Table.Th>{t('cameTo')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {r.inputs?.map((i) => (
                <Table.Tr key={`input ${i.name}`}><Table.Td fw={550}>{i.name}</Table.Td><Table.Td c="dimmed">{t(`from_${i.from}`)}</Table.Td><Table.Td /><Table.Td className="rp-break">{shown(i.value)}</Table.Td></Table.Tr>
              ))}
              {r.trace?.map((s, i) => (
                <Table.Tr key={i}>
                  <Table.Td fw={550}>{s.name}</Table.Td>
                  <Table.Td c="dimmed" className="rp-break">{Object.keys(s.inputs).join(', ')}</Table.Td>
                  <Table.Td>{s.tables?.flatMap((x) => x.rules ?? []).map((rule) => <Badge key={rule.number} color="green" me={4}>{t('rule', { number: rule.number })}</Badge>)}</Table.Td>
                  <Table.Td className="rp-break">{shown(s.output)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Card>
      </section>
    </Stack>
  )
}
