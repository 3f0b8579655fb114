import { SegmentedControl, Stack, Tabs, Text, useMantineColorScheme } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { languages, useLocale, useText } from '~/shared/i18n'
import type { Language } from '~/shared/i18n'
import { Page } from '~/shared/ui/Page'
import { ApiKeys } from './ApiKeys'
import { Members } from './Members'
import { OwnAccount } from './OwnAccount'
import { Overview } from './Overview'
import { settings } from './settingsMessages'
import { settingsTabs } from './settingsRoutes'
import type { SettingsTab } from './settingsRoutes'

const route = getRouteApi('/shell/settings')

/** SettingsScreen is who may do what, and how the console looks. */
export function SettingsScreen() {
  const t = useText(settings)
  const { tab = 'overview' } = route.useSearch()
  const navigate = useNavigate()
  const show = (to: string | null): void => void navigate({ to: '/settings', search: to === 'overview' ? {} : { tab: to as SettingsTab }, replace: true })
  return (
    <Page title={t('settings')}>
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="lg">
          {settingsTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="overview"><Overview /></Tabs.Panel>
        <Tabs.Panel value="members"><Members /></Tabs.Panel>
        <Tabs.Panel value="keys"><ApiKeys /></Tabs.Panel>
        <Tabs.Panel value="account"><OwnAccount /></Tabs.Panel>
        <Tabs.Panel value="appearance"><Appearance /></Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Appearance() {
  const t = useText(settings)
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const { language, setLanguage } = useLocale()
  return (
    <Stack gap="lg" maw={480}>
      <Text c="dimmed">{t('appearanceLead')}</Text>
      <div>
        <Text size="sm" fw={550} mb={6} id="scheme">{t('theme')}</Text>
        <SegmentedControl fullWidth aria-labelledby="scheme" value={colorScheme} onChange={(to) => setColorScheme(to as 'light')} data={(['light', 'dark', 'auto'] as const).map((s) => ({ value: s, label: t(`theme_${s}`) }))} />
      </div>
      <div>
        <Text size="sm" fw={550} mb={6} id="language">{t('language')}</Text>
        <SegmentedControl fullWidth aria-labelledby="language" value={language} onChange={(to) => setLanguage(to as Language)} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} />
      </div>
    </Stack>
  )
}
