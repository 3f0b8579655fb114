import { IconPlugConnected } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const sourceTabs = ['connect', 'keys', 'events', 'sessions', 'yaml', 'history'] as const
export type SourceTab = (typeof sourceTabs)[number]

export const sourceRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/sources',
    validateSearch: (s: Record<string, unknown>): { new?: boolean } => (s.new === true ? { new: true } : {}),
    component: lazyRouteComponent(() => import('./SourcesScreen'), 'SourcesScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/sources/$key',
    validateSearch: (s: Record<string, unknown>): { tab?: SourceTab } => {
      const tab = sourceTabs.find((t) => t === s.tab)
      return tab ? { tab } : {}
    },
    component: lazyRouteComponent(() => import('./SourceScreen'), 'SourceScreen'),
  }),
]

export const sourceNav: NavItem[] = [
  { to: '/sources', group: 'data', label: { en: 'Sources', de: 'Quellen' }, icon: IconPlugConnected, letter: 's', words: 'write keys snippet connect schlüssel' },
]
