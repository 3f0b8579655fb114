import { useSyncExternalStore } from 'react'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'

// One timer for all times on the page.
let now = Date.now()
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const l of listeners) l()
  }, 10_000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Time says how long ago something was; the exact time is in its title. */
export function Time({ at, exact }: { at: string | null | undefined; exact?: boolean }) {
  const t = useText(common)
  const f = useFormats()
  const current = useSyncExternalStore(subscribe, () => now)
  if (!at) return <>{t('never')}</>
  return (
    <time dateTime={at} title={f.time(at)} className="rp-num">
      {exact ? f.time(at) : f.ago(at, Math.max(current, new Date(at).getTime() <= Date.now() ? new Date(at).getTime() : current))}
    </time>
  )
}
