import { Alert } from '@mantine/core'
import { IconAlertCircle } from '@tabler/icons-react'
import { useEffect } from 'react'
import type { ReactNode } from 'react'
import { Mark } from '~/app/Mark'
import { problemOf } from '~/shared/api/problem'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import css from './Door.module.css'
import { access } from './messages'
import { refused } from './refused'

/** Door is the card in the middle that one comes in by. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Rapport`
  }, [title])
  return (
    <main className={css.door}>
      <div className={css.card}>
        <div className={css.brand}>
          <Mark size={28} /> Rapport
        </div>
        {children}
      </div>
    </main>
  )
}

/** RefusedElsewhere says why a sign-in at the provider did not work. */
export function RefusedElsewhere() {
  const t = useText(access)
  const code = refused()
  if (!code) return null
  const key = `refused_${code}`
  return (
    <Alert color="red" icon={<IconAlertCircle size={18} />} role="alert" title={t('wrong')} mb="md">
      {key in access.en ? t(key as keyof typeof access.en) : t('refused_other', { code })}
    </Alert>
  )
}

/** Refused says why somebody did not come in. */
export function Refused({ error }: { error: unknown }) {
  const t = useText(access)
  const c = useText(common)
  const p = problemOf(error)
  return (
    <Alert color="red" icon={<IconAlertCircle size={18} />} role="alert" title={t('wrong')}>
      {p.code === 'unreachable' ? c('unreachable') : p.document.detail || c('unreadable', { status: p.status })}
    </Alert>
  )
}
