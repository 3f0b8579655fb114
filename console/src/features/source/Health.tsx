import { Badge } from '@mantine/core'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { source } from './messages'

type Status = Schema['SourceHealth']['status']

const colors: Record<Status, string> = { healthy: 'green', quiet: 'gray', silent: 'gray', failing: 'red', paused: 'yellow', disabled: 'gray', expired: 'red' }

/** Health is how a source does, in a word; its title says what that means. */
export function Health({ status }: { status: Status }) {
  const t = useText(source)
  return (
    <Badge color={colors[status]} title={t(`healthHint_${status}`)}>
      {t(status)}
    </Badge>
  )
}
