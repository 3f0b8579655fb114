import { useEffect, useRef, useState } from 'react'
import { api, ask } from '~/shared/api/client'
import type { AnswerOf } from '~/shared/api/client'
import { problemOf } from '~/shared/api/problem'

export type LiveEvent = AnswerOf<'watch-events'>['items'][number]

/** how many events the page holds; older ones go */
const held = 5_000
/** ms between two looks: many events are drawn at once, however fast they come */
const pause = 120

export interface Live {
  /** newest first */
  events: readonly LiveEvent[]
  /** events that came since the page was opened, of which these are the newest */
  came: number
  /** events that came too fast to be shown */
  missed: number
  /** events that came since the view was paused */
  behind: number
  error: unknown
}

const nothing: Live = { events: [], came: 0, missed: 0, behind: 0, error: undefined }

/**
 * useLive looks at what comes in, again and again. However many events a look
 * brings, the page is drawn once for it, in the next frame. While it is paused
 * events are collected and not shown.
 */
export function useLive(paused: boolean): Live {
  const [shown, show] = useState<Live>(nothing)
  const collected = useRef<LiveEvent[]>([])
  const missed = useRef(0)
  const came = useRef(0)
  const isPaused = useRef(paused)
  const at = useRef(0)

  useEffect(() => {
    isPaused.current = paused
    if (!paused) show({ events: collected.current, came: came.current, missed: missed.current, behind: 0, error: undefined })
  }, [paused])

  useEffect(() => {
    const stop = new AbortController()
    let frame = 0
    const draw = (more: number): void => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() =>
        show((now) => (isPaused.current ? { ...now, behind: now.behind + more, error: undefined } : { events: collected.current, came: came.current, missed: missed.current, behind: 0, error: undefined })),
      )
    }
    const look = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        try {
          const page = await ask(api.GET('/api/v1/events/live', { params: { query: { limit: 4096, seconds: 10, ...(at.current ? { after: at.current } : {}) } }, signal: stop.signal }))
          at.current = page.next
          missed.current += page.missed
          came.current += page.items.length
          if (page.items.length > 0) collected.current = page.items.reverse().concat(collected.current.slice(0, Math.max(0, held - page.items.length)))
          draw(page.items.length)
          await wait(pause)
        } catch (error) {
          if (stop.signal.aborted) return
          show((now) => ({ ...now, error }))
          const { status } = problemOf(error)
          if (status === 401 || status === 403) return
          await wait(2_000)
        }
      }
    }
    void look()
    return () => {
      stop.abort()
      cancelAnimationFrame(frame)
    }
  }, [])
  return shown
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
