import { IconTableImport } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const importTabs = ['rows', 'mapping'] as const
export type ImportTab = (typeof importTabs)[number]

export const feedRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/imports', component: lazyRouteComponent(() => import('./ImportsScreen'), 'ImportsScreen') }),
  createRoute({ getParentRoute: () => shellRoute, path: '/imports/new', component: lazyRouteComponent(() => import('./NewImportScreen'), 'NewImportScreen') }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/imports/$id',
    validateSearch: (s: Record<string, unknown>): { tab?: ImportTab } => {
      const tab = importTabs.find((t) => t === s.tab)
      return tab ? { tab } : {}
    },
    component: lazyRouteComponent(() => import('./ImportScreen'), 'ImportScreen'),
  }),
]

export const feedNav: NavItem[] = [
  { to: '/imports', group: 'data', label: { en: 'Imports', de: 'Importe' }, icon: IconTableImport, letter: 'i', words: 'csv excel file upload table mapping datei tabelle hochladen' },
]
