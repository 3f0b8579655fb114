import { Stack, Table, Text, Title } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { UsedBy } from '~/shared/definition/UsedBy'
import { useText } from '~/shared/i18n'
import { Loading } from '~/shared/states/Loading'
import { Code } from '~/shared/ui/Code'
import { decision } from './messages'
import type { Model } from './queries'

/** Uses says what a model reads, what it answers, who asks it, and how to ask. */
export function Uses({ model: m }: { model: Model }) {
  const t = useText(decision)
  const users = useUsers(m.key)
  const ask = `curl -X POST ${location.origin}/api/v1/decision-models/${m.key}/evaluate \\\n  -H "Authorization: Bearer $RAPPORT_SECRET_KEY" -H "Content-Type: application/json" \\\n  -d '{"profile": "email:ada@example.com"}'`
  return (
    <Stack gap="xl" maw={860}>
      {users ? <UsedBy users={users} /> : <Loading lines={1} />}
      <Variables title={t('reads')} text={t('readsText')} of={m.inputs} />
      <Variables title={t('answers')} text={t('answersText')} of={m.decisions} />
      <div>
        <Title order={2} mb={4}>{t('askTitle')}</Title>
        <Text c="dimmed" mb="sm">{t('askText')}</Text>
        <Code text={ask} label={t('askTitle')} />
      </div>
    </Stack>
  )
}

function Variables({ title, text, of }: { title: string; text: string; of: Model['inputs'] }) {
  const t = useText(decision)
  return (
    <section>
      <Title order={2} mb={4}>{title}</Title>
      <Text c="dimmed" mb="xs">{text}</Text>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>{t('name')}</Table.Th><Table.Th w={180}>{t('type')}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {of?.map((v) => (
            <Table.Tr key={v.name}><Table.Td>{v.name}</Table.Td><Table.Td><code>{v.type}</code></Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  )
}

// useUsers finds the experiences that answer with the model.
function useUsers(key: string): { name: string; href: string }[] | undefined {
  const list = useQuery({ queryKey: ['experiences'], queryFn: ({ signal }) => ask(api.GET('/api/v1/experiences', { params: { query: { limit: 500 } }, signal })) })
  const all = useQueries({
    queries: (list.data?.items ?? []).map((e) => ({
      queryKey: ['experiences', e.key],
      queryFn: () => ask(api.GET('/api/v1/experiences/{key}', { params: { path: { key: e.key } } })),
    })),
  })
  if (list.isPending || all.some((q) => q.isPending)) return undefined
  return all.flatMap(({ data }) => {
    const document = data?.document as { name?: string; variants?: { model?: { key?: string } }[] } | undefined
    const uses = document?.variants?.some((v) => v.model?.key === key)
    return data && uses ? [{ name: document?.name ?? data.key, href: `/experiences/${data.key}` }] : []
  })
}
