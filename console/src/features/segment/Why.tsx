import { Button, Card, Group, Text, TextInput, Title } from '@mantine/core'
import { IconHelpCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { nameOf, refOf } from '~/features/profile/name'
import { profileQuery } from '~/features/profile/queries'
import { Explained } from '~/features/profile/Standing'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { Loading } from '~/shared/states/Loading'
import { segment } from './messages'

/** Why says for one person whether each part of the condition holds. */
export function Why({ segmentKey: key, who }: { segmentKey: string; who: string | undefined }) {
  const t = useText(segment)
  const navigate = useNavigate()
  const [typed, type] = useState(who ?? '')
  useEffect(() => type(who ?? ''), [who])
  const askFor = (to: string): void => void navigate({ to: '/segments/$key', params: { key }, search: { tab: 'members', ...(to ? { who: to } : {}) }, replace: true })
  return (
    <Card padding="md">
      <Title order={2} size="h3" mb="xs">{t('whyTitle')}</Title>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          askFor(refOf(typed))
        }}
      >
        <Group gap="xs" align="flex-end">
          <TextInput label={t('whyField')} placeholder={t('whyHint')} value={typed} onChange={(e) => type(e.currentTarget.value)} w={340} />
          <Button type="submit" variant="default" leftSection={<IconHelpCircle size={16} />}>{t('whyAsk')}</Button>
        </Group>
      </form>
      {who && <Answer segmentKey={key} who={who} />}
    </Card>
  )
}

function Answer({ segmentKey: key, who }: { segmentKey: string; who: string }) {
  const t = useText(segment)
  const f = useFormats()
  const person = useQuery({ ...profileQuery(who), refetchInterval: false })
  const query = useQuery({
    queryKey: ['profiles', who, 'segments', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}/segments', { params: { path: { ref: who }, query: { segment: key } }, signal })),
  })
  if (query.error) return <ProblemState compact error={query.error} />
  if (!query.data) return <Loading lines={3} />
  const one = [...(query.data.items ?? []), ...(query.data.others ?? [])].find((s) => s.key === key)
  if (!one) return null
  const name = person.data ? nameOf(person.data.identifiers, person.data.id) : who
  return (
    <div style={{ marginTop: 16 }} aria-live="polite">
      <Group gap={6} mb="xs">
        <Link to="/people/$ref" params={{ ref: who }} style={{ fontWeight: 600 }}>{name}</Link>
        <Text fw={600} c={one.member ? 'var(--rp-good)' : 'var(--rp-bad)'}>{t(one.member ? 'whyIn' : 'whyOut')}</Text>
        {one.until && <Text c="dimmed" size="sm">{t('whyUntil', { time: f.time(one.until) })}</Text>}
      </Group>
      {one.why && <Explained why={one.why} />}
    </div>
  )
}
