import { Badge } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { feed } from './messages'
import type { Import } from './queries'

const colors: Record<Import['state'], string> = { queued: 'gray', running: 'blue', waiting: 'yellow', done: 'green', failed: 'red', cancelled: 'gray' }

/** ImportState is how far an import is, in a word. */
export function ImportState({ state }: { state: Import['state'] }) {
  const t = useText(feed)
  return <Badge color={colors[state]}>{t(`state_${state}`)}</Badge>
}
