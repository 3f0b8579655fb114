import { Skeleton, Stack, VisuallyHidden } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'

/** Loading stands where rows will be. */
export function Loading({ lines = 6 }: { lines?: number }) {
  const t = useText(common)
  return (
    <Stack gap="sm" aria-busy="true" role="status" py="xs">
      <VisuallyHidden>{t('loading')}</VisuallyHidden>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={14} width={`${[72, 88, 60, 80, 66, 92][i % 6]}%`} />
      ))}
    </Stack>
  )
}
