import { Button, Group, Stack, TextInput } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { useToasts } from '~/shared/ui/undo'
import { Builder } from './builder/Builder'
import { read } from './builder/read'
import { unfinished, writeRoot } from './builder/write'
import { segment } from './messages'
import { useSegmentChange } from './queries'
import type { Criterion, SegmentDocument } from './queries'

const route = getRouteApi('/shell/segments/$key')

/** Edit changes the conditions; what is not saved is in the address. */
export function Edit({ segment: s, document }: { segment: Criterion; document: SegmentDocument }) {
  const t = useText(segment)
  const toasts = useToasts()
  const navigate = useNavigate()
  const search = route.useSearch()
  const [root, setRoot] = useState(() => read(search.condition ?? document.condition))
  const [about, setAbout] = useState({ name: document.name, description: document.description ?? '' })
  const condition = writeRoot(root)
  const original = useMemo(() => JSON.stringify(writeRoot(read(document.condition))), [document])
  const changed = JSON.stringify(condition) !== original || about.name !== document.name || about.description !== (document.description ?? '')
  const keep = useCallback(
    (c?: Record<string, unknown>) => void navigate({ to: '/segments/$key', params: { key: s.key }, search: { tab: 'edit', ...(c && JSON.stringify(c) !== original ? { condition: c } : {}) }, replace: true }),
    [navigate, s.key, original],
  )
  const save = useSegmentChange((status: 'draft' | 'live') =>
    ask(
      api.PUT('/api/v1/segments/{key}', {
        params: { path: { key: s.key }, query: { status } },
        body: { ...document, name: about.name, ...(about.description.trim() ? { description: about.description } : {}), condition } as never,
      }),
    ),
  )
  const ready = changed && condition !== undefined && unfinished(root) === 0 && about.name.trim() !== ''
  const put = (status: 'draft' | 'live'): void => {
    if (!ready) return
    const before = s.version
    save.mutate(status, {
      onSuccess: () => {
        toasts.done(t(status === 'draft' ? 'savedDraft' : 'savedLive'), () => ask(api.POST('/api/v1/segments/{key}/rollback', { params: { path: { key: s.key } }, body: { version: before, status: s.status === 'draft' ? 'draft' : 'live' } })))
        void navigate({ to: '/segments/$key', params: { key: s.key } })
      },
    })
  }
  const discard = (): void => {
    setRoot(read(document.condition))
    setAbout({ name: document.name, description: document.description ?? '' })
  }
  return (
    <Stack
      gap="lg"
      onKeyDown={ctrlEnter(() => put('live'), save.isPending)}
    >
      <Group align="flex-end" gap="sm">
        <TextInput label={t('name')} value={about.name} error={about.name.trim() ? undefined : t('nameMissing')} onChange={(e) => setAbout({ ...about, name: e.currentTarget.value })} w={240} />
        <TextInput label={t('description')} value={about.description} onChange={(e) => setAbout({ ...about, description: e.currentTarget.value })} style={{ flex: 1, minWidth: 220 }} />
        <Group gap="xs" ms="auto">
          {changed && <Button variant="subtle" color="gray" onClick={discard}>{t('discard')}</Button>}
          <May quiet area="segments">
            <Button variant="default" disabled={!ready} loading={save.isPending && save.variables === 'draft'} onClick={() => put('draft')}>{t('saveDraft')}</Button>
            <Button disabled={!ready} loading={save.isPending && save.variables === 'live'} onClick={() => put('live')}>{t('saveLive')}</Button>
          </May>
        </Group>
      </Group>
      {save.error && <ProblemState compact error={save.error} />}
      <Builder root={root} set={setRoot} of={s.key} onCondition={keep} />
    </Stack>
  )
}
