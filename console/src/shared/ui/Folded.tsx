import { Button } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useId, useState } from 'react'
import type { ReactNode } from 'react'

/** Folded keeps away what most people never need, behind a button that says what it is. */
export function Folded({ label, children, open: first = false }: { label: string; children: ReactNode; open?: boolean }) {
  const [open, set] = useState(first)
  const id = useId()
  return (
    <div>
      <Button variant="subtle" size="compact-sm" color="gray" leftSection={open ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />} aria-expanded={open} aria-controls={id} onClick={() => set(!open)}>
        {label}
      </Button>
      <div id={id} style={{ marginTop: open ? 12 : 0 }}>{open && children}</div>
    </div>
  )
}
