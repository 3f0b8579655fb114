import { Autocomplete, Button, Group, MultiSelect, NumberInput, SimpleGrid, Stack, TagsInput, Text, TextInput, Textarea } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconCalculator } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sourcesQuery } from '~/features/source/queries'
import { useEventNames } from '~/features/source/useEventNames'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { ProblemState } from '~/shared/states/ProblemState'
import { retention } from './messages'
import { Outcome } from './Outcome'
import { eventTypes, runQuery, startRun, useRetentionChange } from './queries'
import type { Policy } from './queries'

const longest = 36_500

/** PolicyForm says which events are kept how long, and counts what would go. */
export function PolicyForm(props: { document: Policy; saving: boolean; error: Error | null; save: (to: Policy) => void; readOnly?: boolean }) {
  const t = useText(retention)
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const names = useEventNames()
  const form = useForm<Policy>({
    initialValues: { types: [], names: [], sources: [], purpose: '', legal_basis: '', ...props.document, name: props.document.name ?? '' },
    validate: { name: (v) => (slug(v ?? '') ? null : t('nameWrong')), keep_days: (v) => (v >= 1 && v <= longest ? null : t('keepWrong')) },
  })
  const tried = useRetentionChange((policy: Policy) => startRun({ dry_run: true, policy }))
  const [run, setRun] = useState<string>()
  const submit = form.onSubmit((v) => props.save(spare(v)))
  const count = form.onSubmit((v) => tried.mutate(spare({ ...v, name: v.name || '–' }), { onSuccess: (j) => setRun(j.id) }))
  const chosen = form.values.sources ?? []
  const known = sources.map((s) => ({ value: s.key, label: s.name || s.key }))
  const all = [...known, ...chosen.filter((k) => !known.some((s) => s.value === k)).map((k) => ({ value: k, label: k }))]
  const hint = (list: readonly unknown[] | null | undefined): string => (list?.length ? '' : t('all'))
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <fieldset disabled={props.readOnly} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
        <Stack gap="lg">
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
            <TextInput data-autofocus label={t('name')} description={t('nameHint')} {...form.getInputProps('name')} />
            <NumberInput label={t('keep')} description={t('keepHint')} min={1} max={longest} allowDecimal={false} clampBehavior="none" {...form.getInputProps('keep_days')} />
            <MultiSelect label={t('types')} placeholder={hint(form.values.types)} data={eventTypes.map((x) => ({ value: x, label: t(`type_${x}`) }))} searchable clearable {...form.getInputProps('types')} comboboxProps={{ shadow: 'md' }} />
            <MultiSelect label={t('sources')} placeholder={hint(chosen)} data={all} searchable clearable {...form.getInputProps('sources')} comboboxProps={{ shadow: 'md' }} />
          </SimpleGrid>
          <TagsInput label={t('names')} description={t('namesHint')} placeholder={hint(form.values.names)} data={names} {...form.getInputProps('names')} comboboxProps={{ shadow: 'md' }} />
          <Textarea label={t('purpose')} description={t('purposeHint')} autosize minRows={1} maxLength={2000} {...form.getInputProps('purpose')} />
          <Autocomplete label={t('basis')} description={t('basisHint')} data={(['consent', 'contract', 'interest', 'law'] as const).map((b) => t(`basis_${b}`))} filter={({ options }) => options} {...form.getInputProps('legal_basis')} comboboxProps={{ shadow: 'md' }} />
          {(props.error ?? tried.error) && <ProblemState error={props.error ?? tried.error} compact />}
          {!props.readOnly && (
            <Group justify="space-between">
              <Button variant="default" leftSection={<IconCalculator size={16} />} loading={tried.isPending} onClick={() => count()}>{t('try')}</Button>
              <Button type="submit" loading={props.saving}>{t('save')}</Button>
            </Group>
          )}
        </Stack>
      </fieldset>
      {run && <div style={{ marginTop: 16 }}><Tried id={run} /></div>}
    </form>
  )
}

/** spare leaves out what says nothing: a list that is left out means all. */
function spare(p: Policy): Policy {
  const said = Object.entries(p).filter(([, v]) => v !== '' && v !== null && !(Array.isArray(v) && v.length === 0))
  return { ...(Object.fromEntries(said) as Policy), keep_days: Number(p.keep_days) }
}

function Tried({ id }: { id: string }) {
  const query = useQuery(runQuery(id))
  return <Async query={query} compact>{(j) => <Outcome job={j} />}</Async>
}

/** About says in a line which events a policy is about. */
export function About({ of: p, inherit }: { of: Pick<Policy, 'names' | 'sources' | 'types'>; inherit?: boolean }) {
  const t = useText(retention)
  const known = (x: string): string => {
    const type = eventTypes.find((e) => e === x)
    return type ? t(`type_${type}`) : x
  }
  const parts = [(p.types ?? []).map(known), p.names ?? [], p.sources ?? []].filter((x) => x.length > 0).map((x) => x.join(', '))
  return <Text {...(inherit ? { inherit } : { size: 'sm' })} truncate component="span">{parts.length > 0 ? parts.join(' · ') : t('aboutAll')}</Text>
}
