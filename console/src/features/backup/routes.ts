import { IconDatabaseExport } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { NavItem } from '~/app/feature'
import { shellRoute } from '~/app/root'

export const backupRoutes = [
  createRoute({ getParentRoute: () => shellRoute, path: '/backups', component: lazyRouteComponent(() => import('./BackupsScreen'), 'BackupsScreen') }),
]

export const backupNav: NavItem[] = [
  { to: '/backups', group: 'govern', label: { en: 'Backups', de: 'Sicherungen' }, icon: IconDatabaseExport, letter: 'u', words: 'restore verify copy wiederherstellen prüfen' },
]
