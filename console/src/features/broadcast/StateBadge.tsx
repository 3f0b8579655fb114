import { Badge } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { broadcast } from './messages'
import type { State } from './queries'

const colors: Record<State, string> = { draft: 'gray', scheduled: 'blue', sending: 'iris', paused: 'yellow', stopped: 'red', sent: 'green' }

/** StateBadge says how far a broadcast is. */
export function StateBadge({ state }: { state: State }) {
  const t = useText(broadcast)
  return <Badge color={colors[state]}>{t(`state_${state}`)}</Badge>
}
