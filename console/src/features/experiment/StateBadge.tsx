import { Badge } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { experiment } from './messages'
import { states } from './routes'

const colors: Record<string, string> = { draft: 'gray', running: 'green', paused: 'yellow', stopped: 'blue', archived: 'gray' }

/** StateBadge says whether an experiment runs. */
export function StateBadge({ state }: { state: string }) {
  const t = useText(experiment)
  const known = states.find((s) => s === state)
  return <Badge color={colors[state] ?? 'gray'}>{known ? t(`state_${known}`) : state}</Badge>
}
