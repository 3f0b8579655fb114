import { Card, Table, Text } from '@mantine/core'
import { IconList } from '@tabler/icons-react'
import { useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { Time } from '~/shared/ui/Time'
import { page } from './pageMessages'
import type { Profile } from './queries'

/** Attributes are the person's traits, each with where it came from and why it won. */
export function Attributes({ profile: p }: { profile: Profile }) {
  const t = useText(page)
  const entries = Object.entries(p.traits)
  if (entries.length === 0) return <Empty title={t('noAttributes')} icon={IconList}>{t('noAttributesText')}</Empty>
  return (
    <Card padding={0}>
      <Table.ScrollContainer minWidth={620}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('attribute')}</Table.Th>
              <Table.Th>{t('value')}</Table.Th>
              <Table.Th>{t('came')}</Table.Th>
              <Table.Th>{t('rule')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map(([key, value]) => {
              const from = p.lineage?.traits[key]
              return (
                <Table.Tr key={key}>
                  <Table.Td><Text size="sm" c="dimmed">{key}</Text></Table.Td>
                  <Table.Td className="rp-break" fw={550}>{typeof value === 'string' ? value : JSON.stringify(value)}</Table.Td>
                  <Table.Td>{from && <Text size="sm" c="dimmed">{from.source} · <Time at={from.time} /></Text>}</Table.Td>
                  <Table.Td>{from && <Text size="sm" c="dimmed">{from.rule === 'last_updated' ? t('rule_last_updated') : from.rule}</Text>}</Table.Td>
                </Table.Tr>
              )
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  )
}
