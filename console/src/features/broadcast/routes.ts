import { IconSend } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const broadcastTabs = ['message', 'audience', 'delivery', 'report', 'yaml', 'history'] as const
export type BroadcastTab = (typeof broadcastTabs)[number]

export const broadcastRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/broadcasts',
    validateSearch: (s: Record<string, unknown>): { new?: true } => (s.new === true ? { new: true } : {}),
    component: lazyRouteComponent(() => import('./BroadcastsScreen'), 'BroadcastsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/broadcasts/$key',
    validateSearch: (s: Record<string, unknown>): { tab?: BroadcastTab; who?: string } => {
      const tab = broadcastTabs.find((t) => t === s.tab)
      return { ...(tab ? { tab } : {}), ...(typeof s.who === 'string' && s.who ? { who: s.who } : {}) }
    },
    component: lazyRouteComponent(() => import('./BroadcastScreen'), 'BroadcastScreen'),
  }),
]

export const broadcastNav: NavItem[] = [
  { to: '/broadcasts', group: 'reach', label: { en: 'Broadcasts', de: 'Aussendungen' }, icon: IconSend, letter: 'b', words: 'email newsletter campaign mail kampagne rundschreiben' },
]
