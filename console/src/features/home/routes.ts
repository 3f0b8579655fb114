import { IconHome } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const homeRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/',
    component: lazyRouteComponent(() => import('./HomeScreen'), 'HomeScreen'),
  }),
]

export const homeNav: NavItem[] = [{ to: '/', group: 'start', label: { en: 'Home', de: 'Start' }, icon: IconHome, letter: 'h', words: 'health overview checklist' }]
