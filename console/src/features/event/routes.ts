import { IconActivity, IconMailOff } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : typeof v === 'number' ? String(v) : undefined)

/** pick takes the named texts out of an address. */
function pick<K extends string>(s: Record<string, unknown>, keys: readonly K[]): Partial<Record<K, string>> {
  const out: Partial<Record<K, string>> = {}
  for (const key of keys) {
    const value = text(s[key])
    if (value) out[key] = value
  }
  return out
}

/** What the address of the dead letters holds: the filter, and the one that is open. */
export interface LetterSearch {
  reason?: string
  source?: string
  letter?: string
}

/** What the address of the live events holds: the filter. */
export interface LiveSearch {
  q?: string
  source?: string
  outcome?: string
}

export const eventRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/live',
    validateSearch: (s: Record<string, unknown>): LiveSearch => pick(s, ['q', 'source', 'outcome']),
    component: lazyRouteComponent(() => import('./LiveScreen'), 'LiveScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/dead-letters',
    validateSearch: (s: Record<string, unknown>): LetterSearch => pick(s, ['reason', 'source', 'letter']),
    component: lazyRouteComponent(() => import('./DeadLettersScreen'), 'DeadLettersScreen'),
  }),
]

export const eventNav: NavItem[] = [
  { to: '/live', group: 'data', label: { en: 'Live events', de: 'Live-Ereignisse' }, icon: IconActivity, letter: 'l', words: 'debugger stream' },
  { to: '/dead-letters', group: 'data', label: { en: 'Dead letters', de: 'Unzustellbares' }, icon: IconMailOff, letter: 'd', words: 'errors rejected replay repair fehler' },
]
