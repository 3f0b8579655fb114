import { useNavigate } from '@tanstack/react-router'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { useToasts } from '~/shared/ui/undo'
import { Editor } from './Editor'
import { experiment } from './messages'
import { saveExperiment, useExperimentChange } from './queries'
import type { Experiment } from './queries'

const blank: Experiment = { name: '', variants: [{ key: 'control', weight: 1 }, { key: 'variant', weight: 1 }], metrics: [], public: true, state: 'draft' }

/** NewExperiment plans one; it begins when it is started. */
export function NewExperiment({ close }: { close: () => void }) {
  const t = useText(experiment)
  const toasts = useToasts()
  const navigate = useNavigate()
  const create = useExperimentChange((d: Experiment) => saveExperiment(slug(d.name), d, true))
  return (
    <Editor
      document={blank}
      saving={create.isPending}
      error={create.error}
      label={t('create')}
      cancel={close}
      save={(d) =>
        create.mutate(d, {
          onSuccess: (s) => {
            toasts.done(t('created', { name: d.name }))
            void navigate({ to: '/experiments/$key', params: { key: s.key }, search: {} })
          },
        })
      }
    />
  )
}
