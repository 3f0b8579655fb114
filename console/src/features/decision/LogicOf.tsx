import { Button, Group, MultiSelect, Select, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { FeelField } from './FeelField'
import { identifier } from './kinds'
import type { Logic } from './kinds'
import { decision } from './messages'
import { predictiveQuery } from './queries'

interface Props<L extends Logic> {
  logic: L
  /** names of what the box needs */
  reads: string[]
  change: (to: Logic) => void
}

/** LogicOf edits what a box does, in the way of its kind. */
export function LogicOf({ logic, reads, change }: Props<Logic>) {
  const t = useText(decision)
  if (logic.kind === 'template') return <TemplateOf logic={logic} reads={reads} change={change} />
  if (logic.kind === 'script') return <ScriptOf logic={logic} reads={reads} change={change} />
  if (logic.kind === 'prediction') return <PredictionOf logic={logic} reads={reads} change={change} />
  return <FeelField label={t('formula')} description={t('formulaHint')} value={logic.text} names={reads} change={(text) => change({ kind: 'formula', text })} />
}

function TemplateOf({ logic, reads, change }: Props<Extract<Logic, { kind: 'template' }>>) {
  const t = useText(decision)
  return (
    <Stack gap="xs">
      <Textarea key={logic.text} label={t('text')} description={t('textHint')} autosize minRows={4} defaultValue={logic.text} onBlur={(e) => e.currentTarget.value !== logic.text && change({ ...logic, text: e.currentTarget.value })} />
      {reads.length > 0 && (
        <Group gap={6}>
          <Text size="xs" c="dimmed">{t('insert')}</Text>
          {reads.map((name) => (
            <Button key={name} size="compact-xs" variant="default" onClick={() => change({ ...logic, text: `${logic.text} {${name}}` })}>{name}</Button>
          ))}
        </Group>
      )}
    </Stack>
  )
}

function ScriptOf({ logic, reads, change }: Props<Extract<Logic, { kind: 'script' }>>) {
  const t = useText(decision)
  const known = [...new Set([...reads, ...logic.reads])]
  return (
    <Stack gap="xs">
      <MultiSelect label={t('scriptReads')} data={known} value={logic.reads} onChange={(to) => change({ ...logic, reads: to })} comboboxProps={{ shadow: 'md' }} />
      <Textarea
        key={logic.source}
        label={t('script')}
        description={logic.reads.length > 0 ? t('scriptHint', { names: logic.reads.map(identifier).join(', ') }) : t('scriptHintNone')}
        autosize
        minRows={6}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12.5 } }}
        defaultValue={logic.source}
        onBlur={(e) => e.currentTarget.value !== logic.source && change({ ...logic, source: e.currentTarget.value })}
      />
    </Stack>
  )
}

function PredictionOf({ logic, reads, change }: Props<Extract<Logic, { kind: 'prediction' }>>) {
  const t = useText(decision)
  const models = useQuery(predictiveQuery)
  const key = logic.model.split('@')[0] ?? ''
  const chosen = useQuery({
    queryKey: ['predictive-models', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/predictive-models/{key}', { params: { path: { key } }, signal })),
    enabled: key !== '',
  })
  const live = (models.data?.items ?? []).filter((m) => m.live_version !== null).map((m) => m.key)
  const pick = async (to: string | null): Promise<void> => {
    if (!to) return
    const found = await ask(api.GET('/api/v1/predictive-models/{key}', { params: { path: { key: to } } }))
    change({ kind: 'prediction', model: to, reads: Object.fromEntries((found.inputs ?? []).map((i) => [i.name, reads.find((r) => identifier(r) === i.name) ?? reads[0] ?? 'null'])) })
  }
  return (
    <Stack gap="xs">
      <Select label={t('whichModel')} data={[...new Set([...live, ...(key ? [key] : [])])]} value={key || null} onChange={(to) => void pick(to)} placeholder={t('chooseModel')} nothingFoundMessage={t('noModels')} searchable comboboxProps={{ shadow: 'md' }} />
      {live.length === 0 && models.data && <Text size="sm" c="dimmed">{t('noModelsHint')}</Text>}
      {chosen.data?.inputs?.map((i) => (
        <TextInput key={i.name + (logic.reads[i.name] ?? '')} label={i.name} description={t('modelInput')} defaultValue={logic.reads[i.name] ?? ''} onBlur={(e) => change({ ...logic, reads: { ...logic.reads, [i.name]: e.currentTarget.value.trim() || 'null' } })} />
      ))}
    </Stack>
  )
}
