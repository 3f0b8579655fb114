import { Card, Table, Text, Title } from '@mantine/core'

/** Values lists what is known, name by name. */
export function Values({ title, values }: { title: string; values: Record<string, unknown> | undefined }) {
  const entries = Object.entries(values ?? {})
  if (entries.length === 0) return null
  return (
    <section>
      <Title order={3} size="h3" mb={6}>{title}</Title>
      <Card padding={0}>
        <Table aria-label={title}>
          <Table.Tbody>
            {entries.map(([name, v]) => (
              <Table.Tr key={name}>
                <Table.Td w="40%"><Text size="sm" c="dimmed">{name}</Text></Table.Td>
                <Table.Td className="rp-break">{typeof v === 'string' ? v : JSON.stringify(v)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
    </section>
  )
}
