import { Button, SimpleGrid, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { May } from '~/features/access/May'
import { api, ask } from '~/shared/api/client'
import { isKey, slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { Builder } from './builder/Builder'
import { group } from './builder/model'
import { read } from './builder/read'
import { unfinished, writeRoot } from './builder/write'
import { segment } from './messages'
import { useSegmentChange } from './queries'
import type { SegmentDocument } from './queries'

const route = getRouteApi('/shell/segments/new')

/** NewSegmentScreen makes a segment: its conditions, their count, its name. */
export function NewSegmentScreen() {
  const t = useText(segment)
  const toasts = useToasts()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const search = route.useSearch()
  const [root, setRoot] = useState(() => (search.condition ? read(search.condition) : group('all')))
  const form = useForm({
    initialValues: { name: search.name ?? '', key: slug(search.name ?? ''), description: '' },
    validate: { name: (v) => (v.trim() ? null : t('nameMissing')), key: (v) => (isKey(v) ? null : t('keyWrong')) },
  })
  // What this screen wrote into the address is what it shows; another condition
  // there is where somebody went, and is shown.
  const kept = useRef(new Set([JSON.stringify(search.condition)]))
  useEffect(() => {
    const there = JSON.stringify(search.condition)
    if (kept.current.has(there)) return
    kept.current = new Set([there])
    setRoot(search.condition ? read(search.condition) : group('all'))
  }, [search.condition])
  const keep = useCallback((condition?: Record<string, unknown>) => {
    kept.current.add(JSON.stringify(condition))
    void navigate({ to: '/segments/new', search: (s) => ({ ...(s.name ? { name: s.name } : {}), ...(condition ? { condition } : {}) }), replace: true })
  }, [navigate])
  const create = useSegmentChange((v: { key: string; body: SegmentDocument; status: 'draft' | 'live' }) =>
    ask(api.PUT('/api/v1/segments/{key}', { params: { path: { key: v.key }, query: { status: v.status }, header: { 'If-None-Match': '*' } }, body: v.body as never })),
  )
  const condition = writeRoot(root)
  const ready = condition !== undefined && unfinished(root) === 0
  const save = (status: 'draft' | 'live') =>
    form.onSubmit(({ name, key, description }) => {
      if (!condition || !ready) return
      create.mutate(
        { key, status, body: { name, ...(description.trim() ? { description } : {}), condition } },
        {
          onSuccess: () => {
            toasts.done(t(status === 'draft' ? 'savedDraft' : 'savedLive'), () =>
              ask(api.DELETE('/api/v1/segments/{key}', { params: { path: { key } } })).then(() => queries.invalidateQueries({ queryKey: ['segments'] })).then(() => navigate({ to: '/segments' })),
            )
            void navigate({ to: '/segments/$key', params: { key } })
          },
        },
      )
    })
  const rename = (name: string): void => {
    const derived = form.values.key === slug(form.values.name)
    form.setFieldValue('name', name)
    if (derived) form.setFieldValue('key', slug(name))
  }
  return (
    <form onSubmit={save('live')} onKeyDown={getHotkeyHandler([['mod+Enter', () => save('live')()]])} noValidate>
      <Page
        title={t('add')}
        back={<BackLink to="/segments">{t('segments')}</BackLink>}
        actions={
          <May area="segments">
            <Button variant="default" disabled={!ready} loading={create.isPending && create.variables.status === 'draft'} onClick={() => save('draft')()}>{t('saveDraft')}</Button>
            <Button type="submit" disabled={!ready} loading={create.isPending && create.variables.status === 'live'}>{t('saveLive')}</Button>
          </May>
        }
      >
        <SimpleGrid cols={{ base: 1, sm: 3 }} mb="lg" maw={980} style={{ alignItems: 'end' }}>
          <TextInput label={t('name')} description={t('nameHint')} error={form.errors.name} value={form.values.name} onChange={(e) => rename(e.currentTarget.value)} />
          <TextInput label={t('key')} description={t('keyHint')} {...form.getInputProps('key')} />
          <TextInput label={t('description')} description={t('descriptionHint')} {...form.getInputProps('description')} />
        </SimpleGrid>
        {create.error && <ProblemState error={create.error} compact />}
        <Builder root={root} set={setRoot} onCondition={keep} />
      </Page>
    </form>
  )
}
