import { Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useText } from '~/shared/i18n'
import { definition } from './messages'

/** UsedBy lists what would notice a change of this definition. */
export function UsedBy({ users }: { users: readonly { name: string; href?: string }[] }) {
  const t = useText(definition)
  return (
    <Group gap="xs">
      <Text c="dimmed" size="sm">{t('usedBy')}</Text>
      {users.length === 0 && <Text size="sm" c="dimmed">{t('usedByNone')}</Text>}
      {users.map((u) => (u.href ? <Link key={u.name} to={u.href}>{u.name}</Link> : <Text key={u.name} size="sm">{u.name}</Text>))}
    </Group>
  )
}
