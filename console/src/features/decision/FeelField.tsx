import { Input } from '@mantine/core'
import { useEffect, useId, useRef } from 'react'
import css from './Draw.module.css'

/** FeelField edits a formula in FEEL, with the names it may use. */
export function FeelField({ label, description, value, names, change }: { label: string; description?: string; value: string; names: readonly string[]; change: (to: string) => void }) {
  const container = useRef<HTMLDivElement>(null)
  const id = useId()
  const latest = useRef({ value, change })
  latest.current.change = change
  const known = names.join('\n')
  useEffect(() => {
    let gone = false
    let editor: { destroy?: () => void } | undefined
    void import('./canvas/feel').then(({ editFeel }) => {
      if (gone || !container.current) return
      editor = editFeel(container.current, { value: latest.current.value, names: known.split('\n').filter(Boolean), label, change: (to) => latest.current.change(to) })
    })
    return () => {
      gone = true
      editor?.destroy?.()
    }
  }, [known, label])
  return (
    <Input.Wrapper label={label} description={description} labelElement="div" id={id}>
      <div ref={container} className={css.feel} style={{ marginTop: 4 }} />
    </Input.Wrapper>
  )
}
