import { Badge, Button, Card, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { IconShieldQuestion } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { FormEvent } from 'react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { page } from './pageMessages'
import { consentQuery, usePersonChange } from './queries'

type Word = Schema['ConsentWord']
const colors = { granted: 'green', denied: 'red', withdrawn: 'yellow' } as const

/** Consents are what the person agreed to, with every word ever said. */
export function Consents({ refer }: { refer: string }) {
  const t = useText(page)
  const query = useQuery(consentQuery(refer))
  return (
    <Stack gap="lg" maw={860}>
      <Note refer={refer} />
      <Async query={query} isEmpty={(d) => d.history.length === 0} empty={<Empty compact title={t('noConsent')} icon={IconShieldQuestion}>{t('noConsentText')}</Empty>}>
        {(d) => (
          <>
            <Words words={d.consent} />
            <Title order={2}>{t('history')}</Title>
            <Words words={d.history} />
          </>
        )}
      </Async>
    </Stack>
  )
}

function Words({ words }: { words: readonly Word[] }) {
  const t = useText(page)
  return (
    <Card padding={0}>
      <Table>
        <Table.Tbody>
          {words.map((w, i) => (
            <Table.Tr key={i}>
              <Table.Td fw={550}>{w.purpose}</Table.Td>
              <Table.Td><Badge color={colors[w.status]}>{t(w.status)}</Badge></Table.Td>
              <Table.Td><Text size="sm" c="dimmed">{[w.channel, w.source].filter(Boolean).join(' · ')}</Text></Table.Td>
              <Table.Td ta="end"><Time at={w.time} /></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  )
}

function Note({ refer }: { refer: string }) {
  const t = useText(page)
  const toasts = useToasts()
  const [purpose, setPurpose] = useState('')
  const say = usePersonChange(({ name, status }: { name: string; status: Word['status'] }) =>
    ask(api.PUT('/api/v1/profiles/{ref}/consent', { params: { path: { ref: refer }, query: { wait: 'applied' } }, body: { purposes: [{ purpose: name, status }] } as Schema['ConsentBody'] })),
  )
  const note = (status: Word['status']) => (e: FormEvent) => {
    e.preventDefault()
    const name = purpose.trim()
    if (name === '') return
    say.mutate({ name, status }, {
      onSuccess: () => { setPurpose(''); toasts.done(t('noted'), () => say.mutateAsync({ name, status: status === 'granted' ? 'withdrawn' : 'granted' })) },
      onError: toasts.failed,
    })
  }
  return (
    <form onSubmit={note('granted')}>
      <Group align="flex-end">
        <TextInput label={t('purpose')} placeholder="marketing" value={purpose} onChange={(e) => setPurpose(e.currentTarget.value)} />
        <Button type="submit" loading={say.isPending}>{t('granted')}</Button>
        <Button variant="default" onClick={note('withdrawn')}>{t('withdrawn')}</Button>
      </Group>
    </form>
  )
}
