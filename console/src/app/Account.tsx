import { ActionIcon, Menu, Text } from '@mantine/core'
import { IconLanguage, IconLogout, IconUser } from '@tabler/icons-react'
import { useSession } from '~/features/access/session'
import { languages, useLocale, useText } from '~/shared/i18n'
import type { Language } from '~/shared/i18n'
import { shell } from './messages'

/** Account is the menu of who is signed in. */
export function Account() {
  const t = useText(shell)
  const { session, signOut } = useSession()
  const { language, setLanguage } = useLocale()
  if (typeof session === 'string') return null
  return (
    <Menu position="bottom-end" width={240} shadow="md">
      <Menu.Target>
        <ActionIcon variant="light" radius="xl" aria-label={t('account')}>
          <IconUser size={17} stroke={1.8} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div style={{ padding: '8px 12px' }}>
          <Text fw={600} className="rp-ellipsis">{session.name || t('account')}</Text>
          <Text size="xs" c="dimmed" className="rp-ellipsis">{session.email ?? t('withKey')}</Text>
          {session.roles.length > 0 && <Text size="xs" c="dimmed">{session.roles.join(', ')}</Text>}
        </div>
        <Menu.Divider />
        <Menu.Label>{t('language')}</Menu.Label>
        {(Object.keys(languages) as Language[]).map((l) => (
          <Menu.Item key={l} leftSection={<IconLanguage size={16} />} onClick={() => setLanguage(l)} aria-current={l === language} lang={l} fw={l === language ? 600 : 400}>
            {languages[l]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          {t('signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
