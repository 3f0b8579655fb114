import { Badge, Card, Group, SimpleGrid, Text, Title } from '@mantine/core'
import { IconArchive, IconBell, IconDatabaseExport, IconHeartbeat, IconHistory, IconKey, IconPalette, IconShieldLock, IconUsers } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { LinkProps } from '@tanstack/react-router'
import type { ComponentType, ReactNode } from 'react'
import { alertsQuery, standingQuery } from '~/features/alert/queries'
import { backupsQuery, planQuery } from '~/features/backup/queries'
import { api, ask } from '~/shared/api/client'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { languages } from '~/shared/i18n'
import { Time } from '~/shared/ui/Time'
import { settings } from './settingsMessages'
import { membersQuery } from './Members'
import { keysQuery } from './ApiKeys'

/** Overview is all that can be set, each with how it stands. What somebody may not see says so in its place. */
export function Overview() {
  const t = useText(settings)
  const f = useFormats()
  const { language } = useLocale()
  const members = useQuery({ ...membersQuery, retry: false })
  const keys = useQuery({ ...keysQuery, retry: false })
  const rules = useQuery({ ...alertsQuery, retry: false })
  const standing = useQuery({ ...standingQuery, retry: false })
  const policies = useQuery({ queryKey: ['retention-policies'], queryFn: ({ signal }) => ask(api.GET('/api/v1/retention-policies', { params: { query: { limit: 500 } }, signal })), retry: false })
  const requests = useQuery({ queryKey: ['privacy', 'requests', 'some'], queryFn: ({ signal }) => ask(api.GET('/api/v1/privacy/requests', { params: { query: { limit: 50 } }, signal })), retry: false })
  const invited = (members.data?.items ?? []).filter((m) => m.status === 'invited').length
  const alerts = (rules.data ?? []).filter((a) => a.live_version !== null).length
  const kept = (policies.data?.items ?? []).filter((p) => p.live_version !== null).length
  const now = standing.data?.items?.length ?? 0
  const open = (requests.data?.items ?? []).filter((r) => r.state === 'queued' || r.state === 'running').length
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="md">
      <Part icon={IconUsers} title={t('tab_members')} to={{ to: '/settings', search: { tab: 'members' } }} query={members}>{t('overviewMembers', { count: members.data?.items?.length ?? 0 })}{invited > 0 && <Badge ms="xs" color="yellow">{t('overviewInvited', { count: invited })}</Badge>}</Part>
      <Part icon={IconKey} title={t('tab_keys')} to={{ to: '/settings', search: { tab: 'keys' } }} query={keys}>{t('overviewKeys', { count: keys.data?.items?.length ?? 0 })}</Part>
      <Part icon={IconBell} title={t('overviewAlerts')} to={{ to: '/alerts', search: {} }} query={rules}>{t('overviewAlertsText', { count: alerts })}{now > 0 && <Badge ms="xs" color="red">{t('overviewStanding', { count: now })}</Badge>}</Part>
      <Backup />
      <Part icon={IconArchive} title={t('overviewRetention')} to={{ to: '/retention', search: {} }} query={policies}>{t('overviewRetentionText', { count: kept })}</Part>
      <Part icon={IconShieldLock} title={t('overviewPrivacy')} to={{ to: '/privacy', search: {} }} query={requests}>{open > 0 ? t('overviewPrivacyOpen', { count: open }) : t('overviewPrivacyNone')}</Part>
      <Part icon={IconHistory} title={t('overviewAudit')} to={{ to: '/audit', search: {} }}>{t('overviewAuditText')}</Part>
      <Part icon={IconHeartbeat} title={t('health')} to={{ to: '/health' }}>{t('overviewHealthText')}</Part>
      <Part icon={IconPalette} title={t('tab_appearance')} to={{ to: '/settings', search: { tab: 'appearance' } }}>{languages[language]} · {f.time(Date.now())}</Part>
    </SimpleGrid>
  )
}

function Backup() {
  const t = useText(settings)
  const plan = useQuery({ ...planQuery, retry: false })
  const made = useQuery({ ...backupsQuery, retry: false })
  const last = made.data?.items?.[0]
  const text = !plan.data?.possible ? t('overviewDatabase') : !plan.data.place ? t('overviewNoPlace') : last ? <>{t('lastBackup')} <Time at={last.made_at} /></> : t('noBackup')
  return <Part icon={IconDatabaseExport} title={t('backups')} to={{ to: '/backups' }} query={plan} bad={plan.data?.possible === true && (plan.data.place === '' || (made.isSuccess && !last))}>{text}</Part>
}

interface State { isError: boolean; isPending: boolean }

function Part({ icon: Icon, title, to, query, bad, children }: { icon: ComponentType<{ size?: number; stroke?: number }>; title: string; to?: LinkProps; query?: State; bad?: boolean; children: ReactNode }) {
  const t = useText(settings)
  return (
    <Card padding="md">
      <Group gap="xs" wrap="nowrap"><Icon size={20} stroke={1.6} aria-hidden /><Title order={2} size="h4">{to ? <Link {...to} style={{ color: 'inherit' }}>{title}</Link> : title}</Title></Group>
      <Text size="sm" mt={6} c={bad ? 'var(--rp-bad)' : 'dimmed'} component="div" aria-busy={query?.isPending || undefined}>{query?.isError ? t('overviewClosed') : query?.isPending ? t('looking') : children}</Text>
    </Card>
  )
}
