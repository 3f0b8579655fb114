import { IconHandStop } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const consentTabs = ['rules', 'yaml', 'history'] as const
export type ConsentTab = (typeof consentTabs)[number]

export const policyRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/consent',
    validateSearch: (s: Record<string, unknown>): { tab?: ConsentTab } => {
      const tab = consentTabs.find((t) => t === s.tab)
      return tab ? { tab } : {}
    },
    component: lazyRouteComponent(() => import('./ConsentScreen'), 'ConsentScreen'),
  }),
]

export const policyNav: NavItem[] = [
  { to: '/consent', group: 'govern', label: { en: 'Consent', de: 'Einwilligung' }, icon: IconHandStop, letter: 'q', words: 'purposes channels opt-in opt-out gpc do not track gdpr zwecke kanäle zustimmung dsgvo' },
]
