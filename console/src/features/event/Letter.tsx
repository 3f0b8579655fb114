import { Alert, Badge, Button, Group, Popover, Stack, Text, Textarea } from '@mantine/core'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconRefresh, IconSend, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { sourceQuery } from '~/features/source/queries'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Diff } from '~/shared/definition/Diff'
import { Async } from '~/shared/states/Async'
import { Sheet } from '~/shared/ui/Dialog'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { event } from './messages'

type View = Schema['DeadLetterView']

/** Letter is one dead letter with its body, to be repaired, replayed or discarded. */
export function Letter({ id, close }: { id: string; close: () => void }) {
  const t = useText(event)
  const query = useQuery({
    queryKey: ['dead-letters', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/dead-letters/{id}', { params: { path: { id } }, signal })),
    staleTime: Infinity,
  })
  return (
    <Sheet close={close} title={t('letter', { id: id.slice(0, 12) })}>
      <Async query={query}>{(letter) => <Mend letter={letter} close={close} />}</Async>
    </Sheet>
  )
}

/** pretty writes JSON on several lines; what is no JSON stays as it is. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

function problemIn(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (e) {
    return e instanceof Error ? e.message : String(e)
  }
}

function useVerdict(close: () => void) {
  const queries = useQueryClient()
  return () => {
    close()
    void queries.invalidateQueries({ queryKey: ['dead-letters'] })
    void queries.invalidateQueries({ queryKey: ['accounting'] })
  }
}

function Mend({ letter, close }: { letter: View; close: () => void }) {
  const t = useText(event)
  const toasts = useToasts()
  const ended = useVerdict(close)
  const original = pretty(letter.body ?? '')
  const [text, setText] = useState(original)
  const wrong = problemIn(text)
  const path = { id: letter.id }
  const query = { wait: 'applied' as const }
  const key = useQuery(sourceQuery(letter.source)).data?.write_keys[0]?.key
  const discard = useMutation({ mutationFn: () => ask(api.POST('/api/v1/dead-letters/{id}/discard', { params: { path, query } })) })
  const replay = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/dead-letters/{id}/replay', { params: { path, query } })),
    onSuccess: () => { toasts.done(t('replayed')); ended() },
    onError: toasts.failed,
  })
  const repair = useMutation({
    mutationFn: async () => {
      await sendAgain(text, key ?? '')
      await discard.mutateAsync()
    },
    onSuccess: () => { toasts.done(t('repaired')); ended() },
    onError: toasts.failed,
  })
  return (
    <Stack>
      <Group gap="xs">
        <Badge color="red">{letter.reason}</Badge>
        <Badge color="gray">{letter.source}</Badge>
        <Text size="sm" c="dimmed"><Time at={letter.received_at} exact /></Text>
      </Group>
      <Alert color="red">{letter.message}</Alert>
      <Textarea
        label={t('repair')}
        description={t('repairHint')}
        autosize
        minRows={8}
        maxRows={22}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={getHotkeyHandler([['mod+Enter', () => !wrong && repair.mutate()]])}
        error={wrong ? t('unreadable', { what: wrong }) : undefined}
      />
      {text !== original && <Diff before={original} after={text} label={t('preview')} />}
      {key === undefined && <Text size="sm" c="dimmed">{t('noKey', { source: letter.source })}</Text>}
      <Group justify="space-between">
        <Discard discard={() => discard.mutate(undefined, { onSuccess: () => { toasts.done(t('discarded')); ended() }, onError: toasts.failed })} />
        <Group gap="xs">
          <Button variant="default" leftSection={<IconRefresh size={16} />} loading={replay.isPending} onClick={() => replay.mutate()}>{t('replay')}</Button>
          <Button leftSection={<IconSend size={16} />} disabled={wrong !== undefined || key === undefined || text === original} loading={repair.isPending} onClick={() => repair.mutate()}>
            {t('send')}
          </Button>
        </Group>
      </Group>
    </Stack>
  )
}

/** sendAgain hands a repaired event in at the door, as its source would. */
async function sendAgain(text: string, key: string): Promise<void> {
  const body = JSON.parse(text) as unknown
  await call('/v1/batch?wait=applied', {
    method: 'POST',
    body: { batch: Array.isArray(body) ? body : [body] },
    headers: { Authorization: `Basic ${btoa(`${key}:`)}` },
  })
}

function Discard({ discard }: { discard: () => void }) {
  const t = useText(event)
  return (
    <Popover width={260} withArrow shadow="md" trapFocus>
      <Popover.Target>
        <Button variant="subtle" color="red" leftSection={<IconTrash size={16} />}>{t('discard')}</Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Text fw={600}>{t('discardAsk')}</Text>
        <Text size="sm" c="dimmed" mb="sm">{t('discardText')}</Text>
        <Button fullWidth color="red" onClick={discard}>{t('discard')}</Button>
      </Popover.Dropdown>
    </Popover>
  )
}
