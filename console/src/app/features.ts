// Every feature has two lines here: its routes and its lines of navigation.
import type { NavItem } from './feature'
import { homeNav, homeRoutes } from '~/features/home/routes'
import { sourceNav, sourceRoutes } from '~/features/source/routes'
import { eventNav, eventRoutes } from '~/features/event/routes'
import { profileNav, profileRoutes } from '~/features/profile/routes'
import { settingsNav, settingsRoutes } from '~/features/access/settingsRoutes'
import { decisionNav, decisionRoutes } from '~/features/decision/routes'
import { experienceNav, experienceRoutes } from '~/features/experience/routes'
import { experimentNav, experimentRoutes } from '~/features/experiment/routes'
import { broadcastNav, broadcastRoutes } from '~/features/broadcast/routes'
import { destinationNav, destinationRoutes } from '~/features/destination/routes'
import { feedNav, feedRoutes } from '~/features/feed/routes'
import { alertNav, alertRoutes } from '~/features/alert/routes'
import { backupNav, backupRoutes } from '~/features/backup/routes'
import { privacyNav, privacyRoutes } from '~/features/privacy/routes'
import { policyNav, policyRoutes } from '~/features/policy/routes'
import { retentionNav, retentionRoutes } from '~/features/retention/routes'
import { identityNav, identityRoutes } from '~/features/identity/routes'
import { catalogNav, catalogRoutes } from '~/features/catalog/routes'
import { segmentNav, segmentRoutes } from '~/features/segment/routes'

export const routes = [
  ...homeRoutes, ...sourceRoutes, ...feedRoutes, ...catalogRoutes, ...eventRoutes, ...profileRoutes, ...segmentRoutes, ...identityRoutes,
  ...decisionRoutes, ...experimentRoutes, ...experienceRoutes, ...broadcastRoutes, ...destinationRoutes, ...privacyRoutes, ...policyRoutes, ...retentionRoutes, ...alertRoutes, ...backupRoutes, ...settingsRoutes,
] as const

export const navigation: NavItem[] = [
  ...homeNav, ...sourceNav, ...feedNav, ...catalogNav, ...eventNav, ...profileNav, ...segmentNav, ...identityNav,
  ...decisionNav, ...experimentNav, ...experienceNav, ...broadcastNav, ...destinationNav, ...privacyNav, ...policyNav, ...retentionNav, ...alertNav, ...backupNav, ...settingsNav,
]
