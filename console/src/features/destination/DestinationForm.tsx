import { Button, Card, Group, NumberInput, Select, SimpleGrid, Stack, TagsInput, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { May } from '~/features/access/May'
import { traitsQuery, usePurposes } from '~/features/segment/builder/suggest'
import { problemOf } from '~/shared/api/problem'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { Folded } from '~/shared/ui/Folded'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { destination } from './messages'
import type { Document, Type } from './queries'
import { bare, saysTwice, tidy } from './settings'
import { SettingsForm } from './SettingsForm'
import { Tell } from './Tell'

interface Props {
  type: Type
  document: Document
  saving: boolean
  error: unknown
  save: (d: Document) => void
  draft?: (d: Document) => void
  cancel?: () => void
}

/** DestinationForm says how a destination is reached, what it is told, and with whose consent. */
export function DestinationForm({ type, document, saving, error, save, draft, cancel }: Props) {
  const t = useText(destination)
  const c = useText(common)
  const [d, setDocument] = useState<Document>(document)
  const [tried, setTried] = useState(false)
  const traits = useQuery(traitsQuery).data?.items.map((x) => x.name) ?? []
  // What is left out is no member at all: the server tells the two apart.
  const set = <K extends keyof Document>(name: K, value: Document[K] | undefined): void => {
    const { [name]: _, ...rest } = d
    setDocument((value === undefined ? rest : { ...rest, [name]: value }) as Document)
  }
  const settings = d.settings ?? {}
  // Broadcasts and alerts write these themselves: where nothing else is sent nobody has to.
  const written = bare(d) ? (type.content ?? []) : []
  const lacking = (type.schema.required ?? []).filter((n) => !written.includes(n) && (settings[n] === undefined || settings[n] === '' || (Array.isArray(settings[n]) && settings[n].length === 0)))
  const changed = JSON.stringify(d) !== JSON.stringify(document)
  const problem = error ? problemOf(error) : undefined
  const finish = (how: (d: Document) => void): void => {
    setTried(true)
    if (lacking.length > 0 || saysTwice(settings)) return
    how({ ...d, settings: tidy(Object.fromEntries(Object.entries(settings).filter(([n]) => !written.includes(n)))) })
  }
  return (
    <form noValidate onSubmit={(e) => { e.preventDefault(); finish(save) }} onKeyDown={ctrlEnter(() => finish(save), saving)}>
      <Stack gap="lg">
        <Card padding="md" component="section">
          <Title order={2} size="h3" mb="sm">{t('where')}</Title>
          <SettingsForm type={type} without={written} value={settings} change={(v) => set('settings', v)} problem={(n) => (tried && lacking.includes(n) ? t('missing') : problem?.field(`/settings/${n}`))} />
        </Card>
        <Card padding="md" component="section">
          <Title order={2} size="h3">{t('what')}</Title>
          <Text size="sm" c="dimmed" mb="sm">{t('whatText')}</Text>
          <Tell document={d} set={set} sendsContent={(type.content ?? []).length > 0} />
          <TagsInput mt="md" label={t('along')} description={t('alongHint')} placeholder={d.traits?.length ? '' : t('alongNone')} data={traits} value={d.traits ?? []} onChange={(v) => set('traits', v.length ? v : undefined)} acceptValueOnBlur />
          <Consent document={d} set={set} />
        </Card>
        <Folded label={t('finer')} open={d.mapping !== undefined}>
          <Finer document={d} set={set} />
        </Folded>
        {problem && <ProblemState error={problem} compact />}
        <Group justify="flex-end" gap="xs">
          {!cancel && changed && <Text size="sm" c="dimmed">{t('unsaved')}</Text>}
          {cancel ? <Button variant="default" onClick={cancel}>{c('cancel')}</Button> : changed && <Button variant="subtle" color="gray" onClick={() => setDocument(document)}>{t('discard')}</Button>}
          {draft && <Button variant="default" loading={saving} onClick={() => finish(draft)}>{t('draft')}</Button>}
          <May area="destinations"><Button type="submit" disabled={!cancel && !changed} loading={saving}>{t(cancel ? 'connect' : 'save')}</Button></May>
        </Group>
      </Stack>
    </form>
  )
}

export type Set = <K extends keyof Document>(name: K, value: Document[K] | undefined) => void

function Consent({ document: d, set }: { document: Document; set: Set }) {
  const t = useText(destination)
  const purposes = usePurposes()
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} mt="md">
      <Select clearable label={t('consent')} description={t('consentHint')} placeholder={t('consentNone')} data={purposes} value={d.consent?.purpose ?? null} onChange={(v) => set('consent', v ? { ...d.consent, purpose: v } : undefined)} clearButtonProps={{ 'aria-label': t('consentNone') }} />
      {d.consent && <TextInput label={t('channel')} description={t('channelHint')} value={d.consent.channel ?? ''} onChange={(e) => d.consent && set('consent', { purpose: d.consent.purpose, ...(e.currentTarget.value ? { channel: e.currentTarget.value } : {}) })} />}
    </SimpleGrid>
  )
}

function Finer({ document: d, set }: { document: Document; set: Set }) {
  const t = useText(destination)
  const count = (v: string | number): number | undefined => (v === '' || Number.isNaN(Number(v)) ? undefined : Number(v))
  return (
    <Stack>
      <Textarea label={t('mapping')} description={t('mappingHint')} autosize minRows={2} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} value={d.mapping ?? ''} onChange={(e) => set('mapping', e.currentTarget.value || undefined)} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <NumberInput hideControls min={0} label={t('perSecond')} value={d.per_second ?? ''} onChange={(v) => set('per_second', count(v))} />
        <NumberInput hideControls min={1} label={t('stopAt')} description={t('stopAtHint')} value={d.stop_at ?? ''} onChange={(v) => set('stop_at', count(v))} />
        <TextInput label={t('freshness')} description={t('freshnessHint')} value={d.freshness ?? ''} onChange={(e) => set('freshness', e.currentTarget.value || undefined)} />
        <TextInput label={t('giveUp')} description={t('giveUpHint')} value={d.give_up ?? ''} onChange={(e) => set('give_up', e.currentTarget.value || undefined)} />
      </SimpleGrid>
    </Stack>
  )
}
