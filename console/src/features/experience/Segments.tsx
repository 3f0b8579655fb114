import { MultiSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { experience } from './messages'
import type { Rule } from './queries'

/** Segments say who gets it: people who are in all of them. */
export function Segments({ rule, change }: { rule: Rule | undefined; change: (to: Rule | undefined) => void }) {
  const t = useText(experience)
  const known = useQuery({ queryKey: ['segments', 'keys'], queryFn: ({ signal }) => ask(api.GET('/api/v1/segments', { params: { query: { limit: 500 } }, signal })) })
  const chosen = rule?.segments ?? []
  const set = (to: string[]): void => {
    const { segments: _, ...rest } = rule ?? {}
    const next = to.length > 0 ? { ...rest, segments: to } : rest
    change(Object.keys(next).length > 0 ? next : undefined)
  }
  return (
    <MultiSelect label={t('who')} description={t('whoHint')} data={[...new Set([...(known.data?.items ?? []).map((s) => s.key), ...chosen])]} value={chosen} onChange={set} placeholder={chosen.length === 0 ? t('everybody') : ''} nothingFoundMessage={t('noSegment')} searchable clearable comboboxProps={{ shadow: 'md' }} />
  )
}
