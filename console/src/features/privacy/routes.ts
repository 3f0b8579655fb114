import { IconShieldLock } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const requestTypes = ['access', 'erasure'] as const
export type RequestType = (typeof requestTypes)[number]

export interface PrivacySearch {
  /** what is asked for at present */
  new?: RequestType
  /** whom it is about */
  who?: string
}

export const privacyRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/privacy',
    validateSearch: (s: Record<string, unknown>): PrivacySearch => {
      const asked = requestTypes.find((x) => x === s.new)
      return { ...(asked ? { new: asked } : {}), ...(asked && typeof s.who === 'string' ? { who: s.who } : {}) }
    },
    component: lazyRouteComponent(() => import('./PrivacyScreen'), 'PrivacyScreen'),
  }),
  createRoute({ getParentRoute: () => shellRoute, path: '/privacy/$id', component: lazyRouteComponent(() => import('./RequestScreen'), 'RequestScreen') }),
]

export const privacyNav: NavItem[] = [
  { to: '/privacy', group: 'govern', label: { en: 'Privacy requests', de: 'Datenschutzanfragen' }, icon: IconShieldLock, letter: 'v', words: 'erase forget delete export gdpr dsgvo löschen auskunft vergessen', needs: ['privacy', 'admin'] },
]
