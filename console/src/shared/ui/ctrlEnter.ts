import type { KeyboardEvent } from 'react'

/** ctrlEnter does something at Ctrl-Enter, or ⌘-Enter, unless it is being done. */
export const ctrlEnter = (todo: () => void, busy: boolean) => (e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'preventDefault'>): void => {
  if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey)) return
  e.preventDefault()
  if (!busy) todo()
}
