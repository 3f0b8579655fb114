import { Badge, Button, Grid, Group, NavLink, Stack, Text } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { Diff } from './Diff'
import { definition } from './messages'
import { yamlOf } from './YamlTab'

interface Version {
  version: number
  status: string
  changes: { status: string; author: string; time: string; note?: string }[]
}

interface OneVersion {
  document?: unknown
  /** of decision models */
  xml?: string
}

export type StatusKey = 'draft' | 'test' | 'live' | 'archived'

/** StatusBadge says what a version is. */
export function StatusBadge({ status }: { status: string }) {
  const t = useText(definition)
  const colors: Record<string, string> = { live: 'green', test: 'yellow', draft: 'gray', archived: 'gray' }
  return <Badge color={colors[status] ?? 'gray'}>{status in colors ? t(status as StatusKey) : status}</Badge>
}

interface Kept {
  address: string
  /** the queries that show the definition */
  invalidate: readonly unknown[]
  /** the document within an answer, where that is not its document */
  pick?: (answer: never) => unknown
  /** brings a version back where the definition has no rollback of its own; null where it cannot be */
  rollback?: ((document: never) => Promise<unknown>) | null
}

/**
 * History lists the versions of any definition and shows what each changed.
 * The address is that of the definition: /api/v1/segments/loyal.
 */
export function History({ address, invalidate, pick, rollback }: Kept) {
  const t = useText(definition)
  const [chosen, choose] = useState<number>()
  const versions = useQuery({
    queryKey: ['versions', address],
    queryFn: ({ signal }) => call<{ items: Version[] }>(`${address}/versions?limit=200`, { signal }),
  })
  return (
    <Async query={versions}>
      {({ items }) => {
        const at = items.find((v) => v.version === chosen) ?? items[0]
        if (!at) return <Text c="dimmed">{t('none')}</Text>
        return (
          <Grid gap="lg">
            <Grid.Col span={{ base: 12, md: 4 }}>
              <nav aria-label={t('versions')}>
                {items.map((v) => (
                  <NavLink
                    key={v.version}
                    component="button"
                    active={v.version === at.version}
                    onClick={() => choose(v.version)}
                    label={<Group gap="xs">{t('version', { version: v.version })} <StatusBadge status={v.status} /></Group>}
                    description={<Changed version={v} />}
                    style={{ borderRadius: 8 }}
                  />
                ))}
              </nav>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 8 }}>
              <Comparison key={at.version} address={address} version={at} newest={items[0]?.version ?? 0} former={items.find((v) => v.version < at.version)?.version} invalidate={invalidate} {...(pick ? { pick } : {})} {...(rollback === undefined ? {} : { rollback })} />
            </Grid.Col>
          </Grid>
        )
      }}
    </Async>
  )
}

function Changed({ version }: { version: Version }) {
  const t = useText(definition)
  const last = version.changes.at(-1)
  if (!last) return null
  return (
    <>
      <Time at={last.time} /> {t('by', { author: last.author })}
      {last.note && <> · {last.note}</>}
    </>
  )
}

function Comparison(props: Kept & { version: Version; newest: number; former: number | undefined }) {
  const t = useText(definition)
  const toasts = useToasts()
  const queries = useQueryClient()
  const { address, version, former } = props
  const { pick = (v: OneVersion) => v.document ?? v.xml ?? v, rollback } = props
  const stored = (n: number, signal?: AbortSignal): Promise<unknown> => call(`${address}?version=${n}`, signal ? { signal } : {}).then((v) => pick(v as never))
  const document = (n: number, signal: AbortSignal): Promise<string> => stored(n, signal).then(yamlOf)
  const both = useQuery({
    queryKey: ['versions', address, version.version, former],
    queryFn: async ({ signal }) => ({ before: former ? await document(former, signal) : '', after: await document(version.version, signal) }),
    staleTime: Infinity,
  })
  const restore = useMutation({
    mutationFn: (n: number) => (rollback ? stored(n).then((d) => rollback(d as never)) : call(`${address}/rollback`, { method: 'POST', body: { version: n } })),
    onError: toasts.failed,
    onSuccess: async (_, n) => {
      await Promise.all([queries.invalidateQueries({ queryKey: ['versions', address] }), queries.invalidateQueries({ queryKey: props.invalidate })])
      toasts.done(t('restored', { version: n }), n === props.newest ? undefined : () => restore.mutateAsync(props.newest))
    },
  })
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text c="dimmed">{former ? t('compare', { version: former }) : t('first')}</Text>
        {version.version !== props.newest && rollback !== null && (
          <Button variant="default" leftSection={<IconHistory size={16} />} loading={restore.isPending} onClick={() => restore.mutate(version.version)}>
            {t('restore')}
          </Button>
        )}
      </Group>
      <Async query={both}>{({ before, after }) => <Diff before={before} after={after} label={t('changed')} />}</Async>
    </Stack>
  )
}
