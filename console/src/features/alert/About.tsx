import { Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useText } from '~/shared/i18n'
import { alert } from './messages'

/** About names what an alert is about, and leads there. */
export function About({ about }: { about: string | undefined }) {
  const t = useText(alert)
  const [kind, key] = (about ?? '').split(/:(.*)/s)
  if (kind === 'source' && key) return <Link to="/sources/$key" params={{ key }}>{key}</Link>
  if (kind === 'destination' && key) return <Link to="/destinations/$key" params={{ key }}>{key}</Link>
  if (kind === 'events') return <Link to="/dead-letters" search={{}}>{t('deadLetters')}</Link>
  return about ? <Text size="sm" c="dimmed"><code>{about}</code></Text> : null
}
