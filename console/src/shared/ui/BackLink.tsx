import { IconChevronLeft } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { LinkProps } from '@tanstack/react-router'
import type { ReactNode } from 'react'

/** BackLink is the way up, to the list that a thing is in. */
export function BackLink({ children, ...to }: Pick<LinkProps, 'to' | 'search' | 'params'> & { children: ReactNode }) {
  return (
    <Link {...to} style={{ display: 'inline-flex', alignItems: 'center', gap: 2, fontSize: 'var(--mantine-font-size-sm)' }}>
      <IconChevronLeft size={15} className="rp-way" /> {children}
    </Link>
  )
}
