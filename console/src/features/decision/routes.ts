import { IconBinaryTree2 } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const modelTabs = ['draw', 'try', 'uses', 'document', 'history'] as const
export type ModelTab = (typeof modelTabs)[number]

export interface ModelSearch {
  tab?: ModelTab
  /** with whom it is tried */
  person?: string
}

export const decisionRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/decisions',
    validateSearch: (s: Record<string, unknown>): { new?: boolean } => (s.new === true ? { new: true } : {}),
    component: lazyRouteComponent(() => import('./ModelsScreen'), 'ModelsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/decisions/$key',
    validateSearch: (s: Record<string, unknown>): ModelSearch => {
      const tab = modelTabs.find((t) => t === s.tab)
      return { ...(tab ? { tab } : {}), ...(typeof s.person === 'string' ? { person: s.person } : {}) }
    },
    component: lazyRouteComponent(() => import('./ModelScreen'), 'ModelScreen'),
  }),
]

export const decisionNav: NavItem[] = [
  { to: '/decisions', group: 'decide', label: { en: 'Decision models', de: 'Entscheidungsmodelle' }, icon: IconBinaryTree2, letter: 'm', words: 'dmn rules table feel regeln tabelle' },
]
