import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconEye, IconEyeOff } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useSession } from '~/features/access/session'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Dialog } from '~/shared/ui/Dialog'
import { isMasked } from './name'
import type { Profile } from './queries'
import { unmask } from './unmaskMessages'

/**
 * Unmask reads one person once with what is personal, for a reason that is noted.
 * What was read stays in this page only, and ends with it.
 */
export function Unmask({ refer, profile: p, shown, show }: { refer: string; profile: Profile; shown: boolean; show: (p: Profile | undefined) => void }) {
  const t = useText(unmask)
  const c = useText(common)
  const { session } = useSession()
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  const read = useMutation({
    mutationFn: () =>
      ask(api.GET('/api/v1/profiles/{ref}', { params: { path: { ref: refer }, query: { include: ['lineage'] } }, headers: { 'X-Rapport-Unmask': encodeURIComponent(reason.trim()) } })),
  })
  if (shown) return <Button variant="default" leftSection={<IconEyeOff size={16} />} onClick={() => show(undefined)}>{t('hide')}</Button>
  if (!isMasked(JSON.stringify([p.identifiers, p.traits])) || typeof session !== 'object') return null
  if (!session.mayUnmask) return <Text size="sm" c="dimmed" maw={240}>{t('mayNot')}</Text>
  return (
    <>
      <Button variant="default" leftSection={<IconEye size={16} />} onClick={() => setAsking(true)}>{t('show')}</Button>
      <Dialog opened={asking} close={() => setAsking(false)} title={t('show')}>
        <form
          onSubmit={(e) => {
            e.preventDefault()
            if (reason.trim().length < 3) return
            read.mutate(undefined, { onSuccess: (q) => { show(q as Profile); setAsking(false); setReason('') } })
          }}
        >
          <Stack>
            <Text size="sm" c="dimmed">{t('text')}</Text>
            <TextInput data-autofocus label={t('reason')} placeholder={t('reasonHint')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
            {read.error && <ProblemState error={read.error} compact />}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setAsking(false)}>{c('cancel')}</Button>
              <Button type="submit" disabled={reason.trim().length < 3} loading={read.isPending}>{t('go')}</Button>
            </Group>
          </Stack>
        </form>
      </Dialog>
    </>
  )
}
