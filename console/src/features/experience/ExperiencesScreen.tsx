import { IconWand } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useFormats, useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { ExperienceForm } from './ExperienceForm'
import { experience } from './messages'
import { resultsOf, save, useThingChange } from './queries'
import type { Experience } from './queries'
import { ThingList } from './ThingList'

const route = getRouteApi('/shell/experiences')
const blank: Experience = { name: '', type: 'web', public: true, placement: '', variants: [{ key: 'a', content: { '*': { title: '' } } }], goals: [] }

/** ExperiencesScreen lists what fills places on pages, or is asked for by its key. */
export function ExperiencesScreen() {
  const t = useText(experience)
  const toasts = useToasts()
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const create = useThingChange('experiences', (d: Experience) => save('experiences', slug(d.name ?? ''), d, true))
  const form = (
    <ExperienceForm document={blank} saving={create.isPending} error={create.error} label={t('saveDraft')} save={(d) => void create.mutateAsync(d).then((s) => {
      toasts.done(t('saved', { version: s.version }))
      void navigate({ to: '/experiences/$key', params: { key: s.key }, search: {} })
    }, () => undefined)} />
  )
  return (
    <ThingList kind="experiences" creating={creating === true} icon={IconWand} form={form} more={[
      { key: 'people', header: t('people'), width: '110px', end: true, cell: (s) => <People of={s.key} /> },
    ]} />
  )
}

function People({ of }: { of: string }) {
  const f = useFormats()
  const { data } = useQuery({ queryKey: ['experiences', of, 'results'], queryFn: ({ signal }) => resultsOf(of, signal), retry: false })
  return data ? f.number((data.variants ?? []).reduce((n, v) => n + v.people, 0)) : '–'
}
