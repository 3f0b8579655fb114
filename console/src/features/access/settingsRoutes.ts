import { IconHeartbeat, IconHistory, IconSettings } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const settingsTabs = ['overview', 'members', 'keys', 'account', 'appearance'] as const
export type SettingsTab = (typeof settingsTabs)[number]

export interface AuditSearch {
  actor?: string
  operation?: string
  about?: string
}

const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : undefined)

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/settings',
    validateSearch: (s: Record<string, unknown>): { tab?: SettingsTab; new?: boolean } => {
      const tab = settingsTabs.find((t) => t === s.tab)
      return { ...(tab ? { tab } : {}), ...(s.new === true ? { new: true } : {}) }
    },
    component: lazyRouteComponent(() => import('./SettingsScreen'), 'SettingsScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/audit',
    validateSearch: (s: Record<string, unknown>): AuditSearch => {
      const [actor, operation, about] = [text(s.actor), text(s.operation), text(s.about)]
      return { ...(actor ? { actor } : {}), ...(operation ? { operation } : {}), ...(about ? { about } : {}) }
    },
    component: lazyRouteComponent(() => import('./AuditScreen'), 'AuditScreen'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/health',
    component: lazyRouteComponent(() => import('./HealthScreen'), 'HealthScreen'),
  }),
]

export const settingsNav: NavItem[] = [
  { to: '/health', group: 'govern', label: { en: 'System health', de: 'Zustand' }, icon: IconHeartbeat, letter: 'y', words: 'backup jobs late stuck sicherung aufträge' },
  { to: '/audit', group: 'govern', label: { en: 'Audit log', de: 'Protokoll' }, icon: IconHistory, letter: 'a', words: 'who changed unmask wer hat geändert', needs: ['access', 'admin'] },
  { to: '/settings', group: 'govern', label: { en: 'Settings', de: 'Einstellungen' }, icon: IconSettings, letter: ',', words: 'members roles keys theme language mitglieder rollen schlüssel' },
]
