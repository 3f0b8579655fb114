import { ActionIcon, Button, Group, MultiSelect, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { IconArrowLeft, IconTable, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import type { Box, Drawing } from './canvas/drawing'
import { ConnectionOf } from './ConnectionOf'
import css from './Draw.module.css'
import { kindIcons } from './kindIcons'
import type { Kind } from './kinds'
import { LogicOf } from './LogicOf'
import { decision } from './messages'
import type { Settings } from './queries'

interface Props {
  drawing: Drawing
  chosen: string | undefined
  edits: number
  settings: Settings | undefined
  model: string
}

/** Inspector lists the boxes, or says all of the chosen one. All that is drawn can be done here with the keyboard. */
export function Inspector({ drawing, chosen, edits, settings, model }: Props) {
  const t = useText(decision)
  // The drawing changes in place: the count of edits says when to read it again.
  const boxes = useMemo(() => drawing.boxes().map((b) => withConnection(b, settings)), [drawing, settings, edits]) // eslint-disable-line
  const box = boxes.find((b) => b.id === chosen)
  return (
    <aside className={css.panel} aria-label={t('boxes')}>
      {box ? <One key={box.id} drawing={drawing} box={box} boxes={boxes} settings={settings} model={model} /> : <Outline drawing={drawing} boxes={boxes} />}
    </aside>
  )
}

function withConnection(box: Box, settings: Settings | undefined): Box {
  return box.kind === 'input' && settings?.inputs?.[box.name] ? { ...box, kind: 'connection' } : box
}

function Outline({ drawing, boxes }: { drawing: Drawing; boxes: Box[] }) {
  const t = useText(decision)
  return (
    <>
      <Title order={2} size="h3" mb={4}>{t('boxes')}</Title>
      <Text size="sm" c="dimmed" mb="sm">{t('boxesHint')}</Text>
      {boxes.map((b) => (
        <button key={b.id} type="button" className={css.box} onClick={() => drawing.select(b.id)}>
          <KindIcon kind={b.kind} />
          <span style={{ minWidth: 0 }}>
            <Text fw={550} size="sm" truncate>{b.name}</Text>
            <Text size="xs" c="dimmed">{t(`kind_${b.kind}`)}</Text>
          </span>
        </button>
      ))}
    </>
  )
}

function KindIcon({ kind }: { kind: Kind }) {
  const Icon = kindIcons[kind]
  return <Icon size={20} stroke={1.6} color="var(--mantine-color-dimmed)" />
}

function One({ drawing, box, boxes, settings, model }: { drawing: Drawing; box: Box; boxes: Box[]; settings: Settings | undefined; model: string }) {
  const t = useText(decision)
  const others = boxes.filter((b) => box.mayNeed.includes(b.id) || box.needs.includes(b.id))
  const reads = boxes.filter((b) => box.needs.includes(b.id) && b.kind !== 'offers').map((b) => b.name)
  const unchoose = (): void => drawing.choose(undefined)
  return (
    <Stack gap="md">
      <Group justify="space-between" wrap="nowrap">
        <Group gap={8} wrap="nowrap">
          <ActionIcon variant="subtle" color="gray" aria-label={t('allBoxes')} title={t('allBoxes')} onClick={unchoose}><IconArrowLeft size={17} /></ActionIcon>
          <KindIcon kind={box.kind} />
          <Title order={2} size="h3">{t(`kind_${box.kind}`)}</Title>
        </Group>
        <ActionIcon variant="subtle" color="red" aria-label={t('removeBox', { name: box.name })} title={t('removeBox', { name: box.name })} onClick={() => { unchoose(); drawing.remove(box.id) }}>
          <IconTrash size={17} />
        </ActionIcon>
      </Group>
      <Text size="sm" c="dimmed">{t(`kindHint_${box.kind}`)}</Text>
      <TextInput label={t('name')} description={box.kind === 'input' ? t('inputNameHint') : undefined} defaultValue={box.name} onBlur={(e) => e.currentTarget.value.trim() && e.currentTarget.value !== box.name && drawing.rename(box.id, e.currentTarget.value.trim())} />
      {(box.kind === 'input' || box.kind === 'connection') && <ConnectionOf key={box.name} input={box.name} settings={settings} model={model} />}
      {others.length > 0 && (
        <MultiSelect
          label={t('needs')}
          description={t('needsHint')}
          data={others.map((b) => ({ value: b.id, label: b.name }))}
          value={box.needs}
          onChange={(to) => drawing.setNeeds(box.id, to)}
          placeholder={box.needs.length === 0 ? t('needsNone') : ''}
          comboboxProps={{ shadow: 'md' }}
        />
      )}
      {box.kind === 'table' && <Button variant="light" leftSection={<IconTable size={16} />} onClick={() => void drawing.openTable(box.id)}>{t('openTable')}</Button>}
      {box.kind === 'function' && <Button variant="light" onClick={() => void drawing.openTable(box.id)}>{t('openFunction')}</Button>}
      {box.kind === 'offers' && <Offers drawing={drawing} box={box} />}
      {box.logic && <LogicOf logic={box.logic} reads={reads} change={(l) => drawing.setLogic(box.id, l)} />}
      <Textarea label={t('note')} autosize minRows={2} defaultValue={box.description} onBlur={(e) => e.currentTarget.value !== box.description && drawing.describe(box.id, e.currentTarget.value)} />
    </Stack>
  )
}

function Offers({ drawing, box }: { drawing: Drawing; box: Box }) {
  const t = useText(decision)
  const offers = useQuery({ queryKey: ['offers'], queryFn: ({ signal }) => ask(api.GET('/api/v1/offers', { params: { query: { limit: 500 } }, signal })) })
  const keys = [...new Set([...(offers.data?.items ?? []).map((o) => o.key), ...box.offers])]
  return (
    <MultiSelect
      label={t('whichOffers')}
      data={keys}
      value={box.offers}
      onChange={(to) => drawing.setOffers(box.id, to)}
      placeholder={box.offers.length === 0 ? t('chooseOffers') : ''}
      nothingFoundMessage={t('noOffers')}
      searchable
      comboboxProps={{ shadow: 'md' }}
    />
  )
}
