import { Alert, Badge, Button, Card, Group, Select, Stack, Table, Text, TextInput, Title, useComputedColorScheme } from '@mantine/core'
import { Background, Controls, ReactFlow } from '@xyflow/react'
import type { Edge, Node } from '@xyflow/react'
import '@xyflow/react/dist/style.css'
import { Graph, layout } from '@dagrejs/dagre'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { FormEvent } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { page } from './pageMessages'
import { identityQuery, sayOf, usePersonChange, withdraw } from './queries'
import type { Identifier } from './queries'

type View = Schema['IdentityView']
type Link = Schema['LinkView']

/** Identity draws why these identifiers are one person, and changes it. */
export function Identity({ refer }: { refer: string }) {
  const query = useQuery(identityQuery(refer))
  return (
    <Async query={query}>
      {(view) => (
        <Stack gap="lg">
          <Drawing view={view} />
          <Links view={view} />
          <Join view={view} />
          <Facts facts={view.facts} />
        </Stack>
      )}
    </Async>
  )
}

const idOf = (i: Identifier): string => `${i.namespace}:${i.value}`
const [width, height] = [230, 56]

function drawn(view: View): { nodes: Node[]; edges: Edge[] } {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 64 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const i of view.identifiers) graph.setNode(idOf(i), { width, height })
  for (const l of view.links) if (graph.hasNode(idOf(l.strong)) && graph.hasNode(idOf(l.weak))) graph.setEdge(idOf(l.strong), idOf(l.weak))
  layout(graph)
  const nodes = view.identifiers.map((i): Node => {
    const at = graph.node(idOf(i))
    return { id: idOf(i), position: { x: (at.x ?? 0) - width / 2, y: (at.y ?? 0) - height / 2 }, data: { label: `${i.namespace}\n${i.value}` }, style: { width, whiteSpace: 'pre-line', overflowWrap: 'anywhere', borderRadius: 10, fontSize: 12 } }
  })
  const edges = view.links.map((l): Edge => ({ id: `${idOf(l.strong)} ${idOf(l.weak)}`, source: idOf(l.strong), target: idOf(l.weak), ...(l.rule === 'must_link' ? { animated: true } : { label: `${l.sightings}×` }) }))
  return { nodes, edges }
}

function Drawing({ view }: { view: View }) {
  const t = useText(page)
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => drawn(view), [view])
  return (
    <Card padding={0} style={{ height: 380 }} role="region" aria-label={t('graphLabel')}>
      <ReactFlow nodes={nodes} edges={edges} colorMode={scheme} fitView fitViewOptions={{ maxZoom: 1 }} nodesConnectable={false} minZoom={0.3}>
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </Card>
  )
}

function Links({ view }: { view: View }) {
  const t = useText(page)
  const toasts = useToasts()
  const undo = usePersonChange(withdraw)
  const split = usePersonChange((l: Link) => sayOf({ op: 'ignore', a: l.strong, b: l.weak }))
  if (view.links.length + view.refused.length === 0) return <Alert color="gray" title={t('notAlone')}>{t('notAloneText')}</Alert>
  const cut = (l: Link): void => split.mutate(l, { onSuccess: (fact) => toasts.done(t('splitDone'), () => undo.mutateAsync(fact.id)), onError: toasts.failed })
  return (
    <section>
      <Title order={2} mb="sm">{t('links')}</Title>
      <Card padding={0}>
        <Table>
          <Table.Tbody>
            {[...view.links, ...view.refused].map((l) => (
              <Table.Tr key={idOf(l.strong) + idOf(l.weak) + (l.rule ?? '')}>
                <Table.Td className="rp-break">{idOf(l.strong)}</Table.Td>
                <Table.Td className="rp-break">{idOf(l.weak)}</Table.Td>
                <Table.Td><Text size="sm" c="dimmed">{l.rule === 'must_link' ? t('said') : t('seenTogether', { count: l.sightings })}</Text></Table.Td>
                <Table.Td>{l.reason ? <Badge color="yellow">{l.reason}</Badge> : <Text size="sm" c="dimmed"><Time at={l.last_seen} /></Text>}</Table.Td>
                <Table.Td ta="end">{l.rule === 'seen_together' && <Button size="compact-sm" variant="subtle" color="red" onClick={() => cut(l)}>{t('split')}</Button>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
    </section>
  )
}

function Join({ view }: { view: View }) {
  const t = useText(page)
  const toasts = useToasts()
  const [namespace, setNamespace] = useState('email')
  const [value, setValue] = useState('')
  const undo = usePersonChange(withdraw)
  const join = usePersonChange((b: Identifier) => joined(view, b))
  const submit = (e: FormEvent): void => {
    e.preventDefault()
    join.mutate({ namespace, value: value.trim() }, {
      onSuccess: ({ fact, one }) => {
        setValue('')
        toasts.done(t(one ? 'joinDone' : 'joinKept'), () => undo.mutateAsync(fact.id))
      },
      onError: toasts.failed,
    })
  }
  return (
    <section>
      <Title order={2} mb={4}>{t('join')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('joinText')}</Text>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <Select label={t('namespace')} w={160} data={['email', 'user_id', 'phone', 'anonymous_id']} allowDeselect={false} value={namespace} onChange={(v) => setNamespace(v ?? 'email')} />
          <TextInput label={t('identifier')} w={280} required withAsterisk={false} value={value} onChange={(e) => setValue(e.currentTarget.value)} />
          <Button type="submit" variant="default" loading={join.isPending}>{t('join')}</Button>
        </Group>
      </form>
    </section>
  )
}

const pick = (i: Identifier | undefined): Identifier => ({ namespace: i?.namespace ?? '', value: i?.value ?? '' })
const firstUser = (list: readonly Identifier[]): Identifier[] => [...list].sort((a, b) => Number(b.namespace === 'user_id') - Number(a.namespace === 'user_id'))

/**
 * joined says that an identifier is this person's, and tells whether it is now. Where
 * both have an identifier of one kind these are said to be one: a limit of one user
 * id per person keeps apart whoever is joined by anything else.
 */
async function joined(view: View, b: Identifier): Promise<{ fact: Schema['Fact']; one: boolean }> {
  const known = await ask(api.GET('/api/v1/profiles/{ref}/identity', { params: { path: { ref: idOf(b) } } })).catch(() => undefined)
  const mine = firstUser(view.identifiers)
  const pairs = mine.flatMap((i) => (known?.identifiers ?? []).filter((o) => o.namespace === i.namespace).map((o) => [i, o] as const))
  const [x, y] = pairs[0] ?? [mine[0], b]
  const fact = await sayOf({ op: 'must_link', a: pick(x), b: pick(y) })
  const now = await ask(api.GET('/api/v1/profiles/{ref}/identity', { params: { path: { ref: idOf(b) } } }))
  return { fact, one: now.identifiers.some((i) => idOf(i) === idOf(pick(mine[0]))) }
}

function Facts({ facts }: { facts: readonly Schema['Fact'][] }) {
  const t = useText(page)
  const toasts = useToasts()
  const undo = usePersonChange(withdraw)
  const valid = facts.filter((f) => !f.withdrawn)
  if (valid.length === 0) return null
  const named = (op: string): string => (`op_${op}` in page.en ? t(`op_${op}` as 'op_ignore') : op)
  return (
    <section>
      <Title order={2} mb="sm">{t('facts')}</Title>
      <Card padding={0}>
        <Table>
          <Table.Tbody>
            {valid.map((f) => (
              <Table.Tr key={f.id}>
                <Table.Td className="rp-break">{idOf(f.a)}{f.b && <> · {idOf(f.b)}</>}</Table.Td>
                <Table.Td><Badge>{named(f.op)}</Badge></Table.Td>
                <Table.Td><Text size="sm" c="dimmed">{f.actor} · <Time at={f.time} /></Text></Table.Td>
                <Table.Td ta="end"><Button size="compact-sm" variant="subtle" onClick={() => undo.mutate(f.id, { onSuccess: () => toasts.done(t('takenBack')), onError: toasts.failed })}>{t('takeBack')}</Button></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
    </section>
  )
}
