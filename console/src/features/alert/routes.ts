import { IconBell } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const listTabs = ['standing', 'rules', 'said'] as const
export type ListTab = (typeof listTabs)[number]
export const alertTabs = ['edit', 'said', 'yaml', 'history'] as const
export type AlertTab = (typeof alertTabs)[number]

const list = (s: Record<string, unknown>): { tab?: ListTab; new?: boolean } => {
  const tab = listTabs.find((t) => t === s.tab)
  return { ...(tab ? { tab } : {}), ...(s.new === true ? { new: true } : {}) }
}
const one = (s: Record<string, unknown>): { tab?: AlertTab } => {
  const tab = alertTabs.find((t) => t === s.tab)
  return tab ? { tab } : {}
}

export const alertRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/alerts', validateSearch: list, component: lazyRouteComponent(() => import('./AlertsScreen'), 'AlertsScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/alerts/$key', validateSearch: one, component: lazyRouteComponent(() => import('./AlertScreen'), 'AlertScreen') }),
]

export const alertNav: NavItem[] = [
  { to: '/alerts', group: 'govern', label: { en: 'Alerts', de: 'Warnungen' }, icon: IconBell, letter: 'n', words: 'warning failing silent notify warnung ausfall' },
]
