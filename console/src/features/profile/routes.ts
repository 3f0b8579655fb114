import { IconUsers } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const profileTabs = ['timeline', 'attributes', 'segments', 'identity', 'consent', 'raw'] as const
export type ProfileTab = (typeof profileTabs)[number]

/** What the profile's address holds: the tab and the timeline's filter. */
export interface ProfileSearch {
  tab?: ProfileTab
  type?: string
  name?: string
  channel?: string
  order?: 'asc'
}

const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : typeof v === 'number' ? String(v) : undefined)

export const profileRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/people',
    validateSearch: (s: Record<string, unknown>): { q?: string; segment?: string } => {
      const [q, segment] = [text(s.q), text(s.segment)]
      return { ...(q ? { q } : {}), ...(segment ? { segment } : {}) }
    },
    component: lazyRouteComponent(() => import('./PeopleScreen'), 'PeopleScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/people/$ref',
    validateSearch: (s: Record<string, unknown>): ProfileSearch => {
      const out: ProfileSearch = {}
      const tab = profileTabs.find((t) => t === s.tab)
      if (tab) out.tab = tab
      for (const key of ['type', 'name', 'channel'] as const) {
        const value = text(s[key])
        if (value) out[key] = value
      }
      if (s.order === 'asc') out.order = 'asc'
      return out
    },
    component: lazyRouteComponent(() => import('./ProfileScreen'), 'ProfileScreen'),
  }),
]

export const profileNav: NavItem[] = [
  { to: '/people', group: 'people', label: { en: 'People', de: 'Personen' }, icon: IconUsers, letter: 'p', words: 'profiles customers search kunden profile' },
]
