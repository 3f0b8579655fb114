import { Button, Group, List, Text } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconCloudOff, IconEraser, IconMapQuestion } from '@tabler/icons-react'
import { useEffect } from 'react'
import { inPlainWords, problemOf } from '~/shared/api/problem'
import type { Problem } from '~/shared/api/problem'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Empty } from './Empty'

/** ProblemState says what is wrong in the server's words, and the next step. */
export function ProblemState({ error, retry, compact }: { error: unknown; retry?: (() => void) | undefined; compact?: boolean }) {
  const t = useText(common)
  const problem = problemOf(error)
  const face = faceOf(problem)
  const away = problem.code === 'unreachable'
  useEffect(() => {
    if (!away || !retry) return
    const again = setInterval(retry, 3000)
    return () => clearInterval(again)
  }, [away, retry])
  const { errors, request_id: id } = problem.document
  return (
    <Empty role="alert" title={t(face.title)} icon={face.icon} tone={face.tone} compact={compact ?? false} action={
      retry && (
        <Button variant="default" onClick={retry}>
          {t('retry')}
        </Button>
      )
    }>
      {problem.code !== 'missing_right' && <Text>{inPlainWords(problem.document.detail) || (away ? '' : t('unreadable', { status: problem.status }))}</Text>}
      {face.next && <Text>{t(face.next)}</Text>}
      {errors && errors.length > 1 && (
        <List mt="xs" ta="start" size="sm">
          {errors.map((e) => (
            <List.Item key={e.field + e.message}>
              <code>{e.field}</code> {e.message}
            </List.Item>
          ))}
        </List>
      )}
      {id && (
        <Group justify="center" gap={6} mt="xs">
          <Text size="xs">
            {t('requestId')} <code>{id}</code>
          </Text>
        </Group>
      )}
    </Empty>
  )
}

function faceOf(p: Problem): { title: keyof (typeof common)['en']; next?: keyof (typeof common)['en']; icon: typeof IconBan; tone: 'gray' | 'red' | 'yellow' } {
  if (p.code === 'unreachable') return { title: 'unreachable', next: 'unreachableNext', icon: IconCloudOff, tone: 'yellow' }
  if (p.code === 'console_fault') return { title: 'broken', next: 'brokenNext', icon: IconAlertTriangle, tone: 'red' }
  if (p.status === 403) return { title: 'denied', next: 'deniedNext', icon: IconBan, tone: 'gray' }
  if (p.status === 404) return { title: 'notFound', next: 'notFoundNext', icon: IconMapQuestion, tone: 'gray' }
  if (p.status === 410) return { title: 'goneTitle', icon: IconEraser, tone: 'gray' }
  return { title: 'failed', icon: IconAlertTriangle, tone: 'red' }
}
