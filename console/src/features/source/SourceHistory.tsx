import { Button, Card, Group, Stack, Text } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Diff } from '~/shared/definition/Diff'
import { yamlOf } from '~/shared/definition/YamlTab'
import { Async } from '~/shared/states/Async'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { source } from './messages'
import { useSourceChange } from './queries'
import type { Source } from './queries'

/** SourceHistory is what the source was before; its keys are no part of that. */
export function SourceHistory({ source: s }: { source: Source }) {
  const t = useText(source)
  const toasts = useToasts()
  const path = { key: s.key }
  const query = useQuery({
    queryKey: ['sources', s.key, 'versions'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/sources/{key}/versions', { params: { path, query: { limit: 100 } }, signal })),
  })
  const restore = useSourceChange((version: number) => ask(api.POST('/api/v1/sources/{key}/rollback', { params: { path }, body: { version } })))
  const back = (version: number, newest: number): void =>
    restore.mutate(version, { onSuccess: () => toasts.done(t('restored', { version }), () => restore.mutateAsync(newest)), onError: toasts.failed })
  return (
    <Async query={query}>
      {({ items }) => (
        <Stack gap="md" maw={860}>
          {items.map((v, i) => {
            const former = items[i + 1]
            return (
              <Card key={v.version} padding="md">
                <Group justify="space-between" mb="sm">
                  <div>
                    <Text fw={600}>{t('version', { version: v.version })}</Text>
                    <Text size="sm" c="dimmed"><Time at={v.source.changed_at} /> {t('by', { author: v.author })}</Text>
                  </div>
                  {i > 0 && (
                    <Button variant="default" size="xs" leftSection={<IconHistory size={14} />} onClick={() => back(v.version, items[0]?.version ?? 0)}>
                      {t('restore')}
                    </Button>
                  )}
                </Group>
                {former ? <Diff label={t('compare')} before={yamlOf(former.source)} after={yamlOf(v.source)} /> : <Text c="dimmed" size="sm">{t('firstVersion')}</Text>}
              </Card>
            )
          })}
        </Stack>
      )}
    </Async>
  )
}
