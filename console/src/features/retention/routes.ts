import { IconArchive } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const listTabs = ['policies', 'runs', 'record'] as const
export type ListTab = (typeof listTabs)[number]
export const policyTabs = ['edit', 'yaml', 'history'] as const
export type PolicyTab = (typeof policyTabs)[number]

const list = (s: Record<string, unknown>): { tab?: ListTab; new?: boolean } => {
  const tab = listTabs.find((t) => t === s.tab)
  return { ...(tab ? { tab } : {}), ...(s.new === true ? { new: true } : {}) }
}
const one = (s: Record<string, unknown>): { tab?: PolicyTab } => {
  const tab = policyTabs.find((t) => t === s.tab)
  return tab ? { tab } : {}
}

export const retentionRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/retention', validateSearch: list, component: lazyRouteComponent(() => import('./RetentionScreen'), 'RetentionScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/retention/$key', validateSearch: one, component: lazyRouteComponent(() => import('./PolicyScreen'), 'PolicyScreen') }),
]

export const retentionNav: NavItem[] = [
  { to: '/retention', group: 'govern', label: { en: 'Retention', de: 'Aufbewahrung' }, icon: IconArchive, letter: 'f', words: 'keep delete old events gdpr record of processing aufbewahrungsfrist löschfrist dsgvo verzeichnis verarbeitung' },
]
