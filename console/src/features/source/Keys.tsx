import { Button, Card, Group, Stack, Table, Text, VisuallyHidden } from '@mantine/core'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { Copy } from '~/shared/ui/Code'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { source } from './messages'
import { useSourceChange } from './queries'
import type { Source } from './queries'

type WriteKey = Schema['WriteKey']

/** Keys are the write keys of a source. */
export function Keys({ source: s }: { source: Source }) {
  const t = useText(source)
  const toasts = useToasts()
  const path = { key: s.key }
  const add = useSourceChange((k: Partial<WriteKey>) =>
    ask(api.POST('/api/v1/sources/{key}/write-keys', { params: { path }, body: { ...(k.key ? { key: k.key } : {}), ...(k.origins ? { origins: k.origins } : {}) } })),
  )
  const revoke = useSourceChange((k: WriteKey) => ask(api.DELETE('/api/v1/sources/{key}/write-keys/{write_key}', { params: { path: { ...path, write_key: k.key } } })))
  const make = (
    <Button leftSection={<IconPlus size={16} />} loading={add.isPending} onClick={() => add.mutate({}, { onSuccess: () => toasts.done(t('keyMade')), onError: toasts.failed })}>
      {t('newKey')}
    </Button>
  )
  const take = (k: WriteKey): void =>
    revoke.mutate(k, { onSuccess: () => toasts.done(t('revoked'), () => add.mutateAsync(k).then(() => toasts.done(t('keyBack')))), onError: toasts.failed })
  return (
    <Stack maw={860}>
      <Group justify="space-between">
        <Text c="dimmed">{t('keysLead')}</Text>
        {s.write_keys.length > 0 && make}
      </Group>
      {s.write_keys.length === 0 ? (
        <Empty title={t('noKeys')} icon={IconKey} action={make}>{t('noKeysText')}</Empty>
      ) : (
        <Card padding={0}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('writeKey')}</Table.Th>
                <Table.Th>{t('origins')}</Table.Th>
                <Table.Th>{t('madeAt')}</Table.Th>
                <Table.Th><VisuallyHidden>{t('revoke')}</VisuallyHidden></Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {s.write_keys.map((k) => (
                <Table.Tr key={k.key}>
                  <Table.Td><Group gap={4} wrap="nowrap"><code className="rp-break">{k.key}</code><Copy text={k.key} /></Group></Table.Td>
                  <Table.Td>{k.origins?.length ? k.origins.join(', ') : <Text c="dimmed" size="sm">{t('anyOrigin')}</Text>}</Table.Td>
                  <Table.Td><Time at={k.created_at} /></Table.Td>
                  <Table.Td ta="end"><Button size="compact-sm" variant="subtle" color="red" onClick={() => take(k)}>{t('revoke')}</Button></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Card>
      )}
    </Stack>
  )
}
