import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useText } from '~/shared/i18n'
import { access } from './messages'
import { useMay } from './session'
import type { Area, Scope } from './session'

/** May shows what changes something to those whose roles include it; others are told whom to ask, where the page does not say it already. */
export function May({ area, scope = 'write', quiet, children }: { area: Area; scope?: Scope; quiet?: boolean; children: ReactNode }) {
  const t = useText(access)
  if (useMay(area, scope)) return children
  return !quiet && <Text size="xs" c="dimmed" maw={230}>{t('readOnly')}</Text>
}
