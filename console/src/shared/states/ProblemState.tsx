import { Button, Group, List, Text } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconCloudOff, IconEraser, IconMapQuestion } from '@tabler/icons-react'
import { Link, useLocation } from '@tanstack/react-router'
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
    <Empty role="alert" title={t(face.title)} icon={face.icon} tone={face.tone} compact={compact ?? false} action={face.away ? <Away problem={problem} compact={compact ?? false} /> : retry && <Button variant="default" onClick={retry}>{t('retry')}</Button>}>
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

/** Away leads on from where asking again changes nothing: to the list that something missing belongs to, or home. */
function Away({ problem, compact }: { problem: Problem; compact: boolean }) {
  const t = useText(common)
  const pathname = useLocation({ select: (at) => at.pathname })
  if (compact) return null
  const list = `/${pathname.split('/')[1] ?? ''}`
  const toList = problem.status !== 403 && pathname !== list
  return <Button component={Link} to={toList ? list : '/'} variant="default">{t(toList ? 'toList' : 'toHome')}</Button>
}

/** Face is how a kind of problem looks, and whether asking again is of no use. */
interface Face { title: keyof (typeof common)['en']; next?: keyof (typeof common)['en']; icon: typeof IconBan; tone: 'gray' | 'red' | 'yellow'; away?: true }

function faceOf(p: Problem): Face {
  if (p.code === 'unreachable') return { title: 'unreachable', next: 'unreachableNext', icon: IconCloudOff, tone: 'yellow' }
  if (p.code === 'console_fault') return { title: 'broken', next: 'brokenNext', icon: IconAlertTriangle, tone: 'red' }
  if (p.status === 403) return { title: 'denied', next: 'deniedNext', icon: IconBan, tone: 'gray', away: true }
  if (p.status === 404) return { title: 'notFound', next: 'notFoundNext', icon: IconMapQuestion, tone: 'gray', away: true }
  if (p.status === 410) return { title: 'goneTitle', icon: IconEraser, tone: 'gray', away: true }
  return { title: 'failed', icon: IconAlertTriangle, tone: 'red' }
}
