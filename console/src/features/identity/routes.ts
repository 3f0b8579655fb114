import { IconFingerprint } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const identityTabs = ['rules', 'yaml', 'history'] as const
export type IdentityTab = (typeof identityTabs)[number]

export const identityRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/identity',
    validateSearch: (s: Record<string, unknown>): { tab?: IdentityTab } => {
      const tab = identityTabs.find((t) => t === s.tab)
      return tab ? { tab } : {}
    },
    component: lazyRouteComponent(() => import('./IdentityScreen'), 'IdentityScreen'),
  }),
]

export const identityNav: NavItem[] = [
  { to: '/identity', group: 'people', label: { en: 'Identity rules', de: 'Identitätsregeln' }, icon: IconFingerprint, letter: 'r', words: 'merge split stitch household zusammenführen trennen kennungen' },
]
