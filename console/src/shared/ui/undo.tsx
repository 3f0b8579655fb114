import { Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { inPlainWords, problemOf } from '~/shared/api/problem'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'

/** Toasts say what happened; with an undo, they can take it back for ten seconds. */
export interface Toasts {
  done: (message: string, undo?: () => Promise<unknown>) => void
  failed: (error: unknown) => void
}

export function useToasts(): Toasts {
  const t = useText(common)
  const failed = (error: unknown): void => {
    const p = problemOf(error)
    notifications.show({
      color: 'red',
      icon: <IconAlertTriangle size={16} />,
      title: p.code === 'unreachable' ? t('unreachable') : t('failed'),
      message: p.code === 'missing_right' ? t('deniedDo') : inPlainWords(p.document.detail) || (p.code === 'unreachable' ? t('unreachableNext') : t('unreadable', { status: p.status })),
      autoClose: 12_000,
      closeButtonProps: { 'aria-label': t('close') },
      role: 'alert',
    })
  }
  const done = (message: string, undo?: () => Promise<unknown>): void => {
    const id = notifications.show({
      color: 'green',
      icon: <IconCheck size={16} />,
      autoClose: undo ? 10_000 : 4_000,
      closeButtonProps: { 'aria-label': t('close') },
      message: undo ? (
        <Group justify="space-between" wrap="nowrap">
          <Text size="sm">{message}</Text>
          <Button
            size="compact-sm"
            variant="light"
            flex="none"
            onClick={() => {
              notifications.hide(id)
              undo().catch(failed)
            }}
          >
            {t('undo')}
          </Button>
        </Group>
      ) : (
        message
      ),
    })
  }
  return { done, failed }
}
