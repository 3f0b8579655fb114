import { IconChartPie } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const segmentTabs = ['overview', 'members', 'edit', 'yaml', 'history'] as const
export type SegmentTab = (typeof segmentTabs)[number]

export const historySpans = ['day', 'week', 'month', 'quarter'] as const

type Condition = Record<string, unknown>
const condition = (v: unknown): Condition | undefined => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Condition) : undefined)

/** What a segment's address holds: what is open, and conditions that are not saved. */
export interface SegmentSearch {
  tab?: SegmentTab
  condition?: Condition
  span?: (typeof historySpans)[number]
  table?: true
  who?: string
}

export const segmentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments',
    validateSearch: (s: Record<string, unknown>): { q?: string } => (typeof s.q === 'string' && s.q !== '' ? { q: s.q } : {}),
    component: lazyRouteComponent(() => import('./SegmentsScreen'), 'SegmentsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments/new',
    validateSearch: (s: Record<string, unknown>): { name?: string; condition?: Condition } => {
      const c = condition(s.condition)
      return { ...(typeof s.name === 'string' && s.name ? { name: s.name } : {}), ...(c ? { condition: c } : {}) }
    },
    component: lazyRouteComponent(() => import('./NewSegmentScreen'), 'NewSegmentScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments/$key',
    validateSearch: (s: Record<string, unknown>): SegmentSearch => {
      const out: SegmentSearch = {}
      const tab = segmentTabs.find((t) => t === s.tab)
      const span = historySpans.find((t) => t === s.span)
      const c = condition(s.condition)
      if (tab) out.tab = tab
      if (span) out.span = span
      if (c) out.condition = c
      if (s.table === true) out.table = true
      if (typeof s.who === 'string' && s.who) out.who = s.who
      return out
    },
    component: lazyRouteComponent(() => import('./SegmentScreen'), 'SegmentScreen'),
  }),
]

export const segmentNav: NavItem[] = [
  { to: '/segments', group: 'people', label: { en: 'Segments', de: 'Segmente' }, icon: IconChartPie, letter: 'e', words: 'audience zielgruppe conditions bedingungen' },
]
