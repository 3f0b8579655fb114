import { Accordion, Badge, Group, Progress, Stack, Table, Text } from '@mantine/core'
import { IconEyeOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Time } from '~/shared/ui/Time'
import { source } from './messages'
import { observedQuery } from './queries'
import type { Source } from './queries'

/** Observed lists which events came, with their fields. */
export function Observed({ source: s }: { source: Source }) {
  const t = useText(source)
  const f = useFormats()
  const query = useQuery(observedQuery(s.key))
  return (
    <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('noEvents')} icon={IconEyeOff}>{t('noEventsText')}</Empty>}>
      {({ items }) => (
        <Stack gap="sm">
          <Text c="dimmed">{t('eventsLead')}</Text>
          <Accordion variant="separated" radius="lg" chevronPosition="left">
            {items.map((e) => (
              <Accordion.Item key={`${e.type} ${e.name ?? ''}`} value={`${e.type} ${e.name ?? ''}`}>
                <Accordion.Control>
                  <Group justify="space-between" wrap="nowrap" pe="sm">
                    <Group gap="xs" wrap="nowrap">
                      <Badge color="gray">{e.type}</Badge>
                      <Text fw={550}>{e.name || e.type}</Text>
                    </Group>
                    <Group gap="lg" wrap="nowrap">
                      <Text size="sm" c="dimmed"><Time at={e.last_seen} /></Text>
                      <Text className="rp-num" fw={550} w={90} ta="end">{f.number(e.count)}</Text>
                    </Group>
                  </Group>
                </Accordion.Control>
                <Accordion.Panel>
                  <Fields fields={e.fields ?? []} />
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        </Stack>
      )}
    </Async>
  )
}

function Fields({ fields }: { fields: NonNullable<Schema['EventView']['fields']> }) {
  const t = useText(source)
  const f = useFormats()
  return (
    <Table verticalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('field')}</Table.Th>
          <Table.Th>{t('types')}</Table.Th>
          <Table.Th w={220}>{t('filled')}</Table.Th>
          <Table.Th ta="end">{t('distinct')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {fields.map((x) => (
          <Table.Tr key={x.path}>
            <Table.Td><code>{x.path}</code></Table.Td>
            <Table.Td>{[...(x.types ?? []), ...(x.format ? [x.format] : [])].join(', ')}</Table.Td>
            <Table.Td>
              <Group gap="xs" wrap="nowrap">
                <Progress value={x.fill_rate * 100} flex={1} size="sm" aria-label={`${x.path} ${t('filled')}`} />
                <Text size="sm" w={52} ta="end" className="rp-num">{f.percent(x.fill_rate)}</Text>
              </Group>
            </Table.Td>
            <Table.Td ta="end" className="rp-num">{f.number(x.distinct)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
