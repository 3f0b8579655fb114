import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { navigation } from './features'

/** typing tells whether a key belongs to a field. */
function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

function focusFilter(): void {
  document.querySelector<HTMLInputElement>('main input[data-filter], main [data-filter] input')?.focus()
}

/** moveRow takes the focus to the next or the previous row of the page. */
function moveRow(by: number): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  if (rows.length === 0) return false
  const at = rows.findIndex((r) => r === document.activeElement || r.contains(document.activeElement))
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
  return true
}

/** useShortcuts listens to the keys that work everywhere. */
export function useShortcuts(on: { help: () => void; palette: () => void }): void {
  const navigate = useNavigate()
  const going = useRef(0)
  const latest = useRef(on)
  latest.current = on
  useEffect(() => {
    const press = (e: KeyboardEvent): void => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
        e.preventDefault()
        latest.current.palette()
        return
      }
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('[role="dialog"]')) return
      if (Date.now() - going.current < 1200) {
        going.current = 0
        const item = navigation.find((n) => n.letter === e.key)
        if (item) {
          e.preventDefault()
          void navigate({ to: item.to })
          return
        }
      }
      if (e.key === 'g') going.current = Date.now()
      else if (e.key === '?') latest.current.help()
      else if (e.key === '/') {
        e.preventDefault()
        focusFilter()
      } else if (e.key === 'j' && moveRow(1)) e.preventDefault()
      else if (e.key === 'k' && moveRow(-1)) e.preventDefault()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [navigate])
}
