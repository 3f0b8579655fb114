import { IconLayoutDashboard, IconTicket, IconWand } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const thingTabs = ['edit', 'preview', 'results', 'yaml', 'history'] as const
export type ThingTab = (typeof thingTabs)[number]

const list = (s: Record<string, unknown>): { new?: boolean } => (s.new === true ? { new: true } : {})
const one = (s: Record<string, unknown>): { tab?: ThingTab; person?: string } => {
  const tab = thingTabs.find((t) => t === s.tab)
  return { ...(tab ? { tab } : {}), ...(typeof s.person === 'string' ? { person: s.person } : {}) }
}

export const experienceRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/experiences', validateSearch: list, component: lazyRouteComponent(() => import('./ExperiencesScreen'), 'ExperiencesScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/experiences/$key', validateSearch: one, component: lazyRouteComponent(() => import('./ExperienceScreen'), 'ExperienceScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/placements', validateSearch: list, component: lazyRouteComponent(() => import('./PlacementsScreen'), 'PlacementsScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/placements/$key', validateSearch: one, component: lazyRouteComponent(() => import('./PlacementScreen'), 'PlacementScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/offers', validateSearch: list, component: lazyRouteComponent(() => import('./OffersScreen'), 'OffersScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/offers/$key', validateSearch: one, component: lazyRouteComponent(() => import('./OfferScreen'), 'OfferScreen') }),
]

export const experienceNav: NavItem[] = [
  { to: '/experiences', group: 'decide', label: { en: 'Experiences', de: 'Erlebnisse' }, icon: IconWand, letter: 'w', words: 'web variant content form notification inhalt formular' },
  { to: '/offers', group: 'decide', label: { en: 'Offers', de: 'Angebote' }, icon: IconTicket, letter: 'o', words: 'stock inventory priority vorrat vorrang' },
  { to: '/placements', group: 'decide', label: { en: 'Placements', de: 'Plätze' }, icon: IconLayoutDashboard, letter: 'z', words: 'slot selector place page seite' },
]
