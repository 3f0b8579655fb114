import { Badge } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { destination, worded } from './messages'
import type { Outcome } from './routes'
import type { State } from './queries'

const colors: Record<State, string> = { inactive: 'gray', active: 'green', paused: 'yellow', draining: 'yellow', stopped: 'red', failing: 'red', deleted: 'gray' }

/** StateBadge is how a destination does; its title says what that means. */
export function StateBadge({ state }: { state: State }) {
  const t = useText(destination)
  return <Badge color={colors[state]} title={t(`stateHint_${state}`)}>{t(`state_${state}`)}</Badge>
}

const outcomeColors: Record<Outcome, string> = { delivered: 'green', waiting: 'gray', retrying: 'yellow', dead: 'red', suppressed: 'gray', discarded: 'gray' }

/** OutcomeBadge is what became of one delivery. */
export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const t = useText(destination)
  return <Badge color={outcomeColors[outcome] ?? 'gray'}>{outcome === 'dead' ? t('one_dead') : worded(t, 'outcome', outcome)}</Badge>
}
