import { IconArrowsShuffle } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const destinationTabs = ['deliveries', 'setup', 'yaml', 'history'] as const
export type DestinationTab = (typeof destinationTabs)[number]
export const outcomes = ['delivered', 'waiting', 'retrying', 'dead', 'suppressed', 'discarded'] as const
export type Outcome = (typeof outcomes)[number]

export interface DestinationSearch {
  tab?: DestinationTab
  outcome?: Outcome
  /** the delivery that is open */
  delivery?: string
}

export const destinationRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/destinations',
    // new: true while a kind is chosen, then the kind
    validateSearch: (s: Record<string, unknown>): { new?: string | true } => (s.new === true || (typeof s.new === 'string' && s.new) ? { new: s.new } : {}),
    component: lazyRouteComponent(() => import('./DestinationsScreen'), 'DestinationsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/destinations/$key',
    validateSearch: (s: Record<string, unknown>): DestinationSearch => {
      const tab = destinationTabs.find((t) => t === s.tab)
      const outcome = outcomes.find((o) => o === s.outcome)
      return { ...(tab ? { tab } : {}), ...(outcome ? { outcome } : {}), ...(typeof s.delivery === 'string' ? { delivery: s.delivery } : {}) }
    },
    component: lazyRouteComponent(() => import('./DestinationScreen'), 'DestinationScreen'),
  }),
]

export const destinationNav: NavItem[] = [
  { to: '/destinations', group: 'reach', label: { en: 'Destinations', de: 'Ziele' }, icon: IconArrowsShuffle, letter: 't', words: 'webhook mail smtp slack kafka delivery log zustellung senden' },
]
