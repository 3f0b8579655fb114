import { Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { decision } from './messages'
import { connectionsQuery, useModelChange } from './queries'
import type { Settings } from './queries'

/** ConnectionOf says which data connection answers an input; it holds at once, for every version. */
export function ConnectionOf({ input, settings, model }: { input: string; settings: Settings | undefined; model: string }) {
  const t = useText(decision)
  const toasts = useToasts()
  const connections = useQuery(connectionsQuery)
  const now = settings?.inputs?.[input]
  const one = useQuery({
    queryKey: ['connections', now?.connection],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/connections/{key}', { params: { path: { key: now?.connection ?? '' } }, signal })),
    enabled: now !== undefined,
  })
  const put = useModelChange((inputs: Settings['inputs']) =>
    ask(api.PUT('/api/v1/decision-models/{key}/settings', { params: { path: { key: model }, query: { wait: 'applied' } }, body: { ...(settings as Settings), inputs: inputs ?? {} } })),
  )
  const before = settings?.inputs ?? {}
  const write = (to: Settings['inputs']): void =>
    put.mutate(to, { onSuccess: () => toasts.done(t('connectionSet', { name: input }), () => put.mutateAsync(before)), onError: toasts.failed })
  const pick = (key: string | null): void => {
    const { [input]: _, ...rest } = before
    write(key ? { ...rest, [input]: { connection: key } } : rest)
  }
  const keys = [...new Set([...(connections.data?.items ?? []).map((c) => c.key), ...(now ? [now.connection] : [])])]
  if (keys.length === 0) return <Text size="sm" c="dimmed">{t('noConnections')}</Text>
  return (
    <Stack gap="xs">
      <Select label={t('answeredBy')} description={t('answeredByHint')} data={keys} value={now?.connection ?? null} onChange={pick} clearable placeholder={t('fromPerson')} disabled={!settings} comboboxProps={{ shadow: 'md' }} />
      {now && one.data?.parameters?.map((p) => (
        <TextInput key={p + (now.with?.[p] ?? '')} label={p} description={t('parameterHint')} defaultValue={now.with?.[p] ?? ''} onBlur={(e) => e.currentTarget.value !== (now.with?.[p] ?? '') && write({ ...before, [input]: { ...now, with: { ...now.with, [p]: e.currentTarget.value } } })} />
      ))}
    </Stack>
  )
}
