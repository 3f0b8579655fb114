import { IconFlask2 } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const experimentTabs = ['results', 'setup', 'links', 'yaml', 'history'] as const
export type ExperimentTab = (typeof experimentTabs)[number]
export const states = ['draft', 'running', 'paused', 'stopped', 'archived'] as const
export type State = (typeof states)[number]

export const experimentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/experiments',
    validateSearch: (s: Record<string, unknown>): { new?: boolean; state?: State } => {
      const state = states.find((x) => x === s.state)
      return { ...(s.new === true ? { new: true } : {}), ...(state ? { state } : {}) }
    },
    component: lazyRouteComponent(() => import('./ExperimentsScreen'), 'ExperimentsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/experiments/$key',
    validateSearch: (s: Record<string, unknown>): { tab?: ExperimentTab; mature?: true; once?: true } => {
      const tab = experimentTabs.find((t) => t === s.tab)
      return { ...(tab ? { tab } : {}), ...(s.mature === true ? { mature: true } : {}), ...(s.once === true ? { once: true } : {}) }
    },
    component: lazyRouteComponent(() => import('./ExperimentScreen'), 'ExperimentScreen'),
  }),
]

export const experimentNav: NavItem[] = [
  { to: '/experiments', group: 'decide', label: { en: 'Experiments', de: 'Experimente' }, icon: IconFlask2, letter: 'x', words: 'ab test variant results variante ergebnis bandit' },
]
