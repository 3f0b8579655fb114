import { Button } from '@mantine/core'
import { IconMapQuestion } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { shell } from './messages'

export function NotFound() {
  const t = useText(shell)
  return (
    <Empty title={t('noPage')} icon={IconMapQuestion} action={<Button component={Link} to="/" variant="default">{t('toHome')}</Button>}>
      {t('noPageNext')}
    </Empty>
  )
}
