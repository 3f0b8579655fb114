import { IconPackage, IconReceipt } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

/** EntitySearch names the one that is open. */
export interface EntitySearch {
  id?: string
}

const search = (s: Record<string, unknown>): EntitySearch => (typeof s.id === 'string' && s.id ? { id: s.id } : {})

export const catalogRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/catalog', validateSearch: search, component: lazyRouteComponent(() => import('./CatalogScreen'), 'CatalogScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/orders', validateSearch: search, component: lazyRouteComponent(() => import('./OrdersScreen'), 'OrdersScreen') }),
]

export const catalogNav: NavItem[] = [
  { to: '/catalog', group: 'data', label: { en: 'Catalog', de: 'Katalog' }, icon: IconPackage, letter: 'c', words: 'items products articles artikel produkte' },
  { to: '/orders', group: 'data', label: { en: 'Orders', de: 'Bestellungen' }, icon: IconReceipt, letter: 'k', words: 'purchases sales käufe umsatz' },
]
