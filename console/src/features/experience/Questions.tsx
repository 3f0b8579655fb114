import { ActionIcon, Button, Card, Checkbox, Group, NumberInput, Select, Stack, TagsInput, TextInput } from '@mantine/core'
import { IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { contents } from './contentMessages'

/** Question is a field of a form, as the web library takes it. */
export interface Question {
  name: string
  label?: string
  type?: string
  required?: boolean
  options?: unknown[]
  max?: number
  [more: string]: unknown
}

const kinds = ['text', 'textarea', 'email', 'number', 'checkbox', 'choice', 'rating'] as const

/** nameOf makes of a question the name that its answers have. */
export const nameOf = (label: string): string => slug(label).replaceAll('-', '_').slice(0, 40).replace(/_+$/, '')

/** optionText is what people read of an option: a value, or a value with a label. */
export function optionText(o: unknown): string {
  if (typeof o === 'object' && o !== null) {
    const { label, value } = o as { label?: unknown; value?: unknown }
    return String(label ?? value ?? '')
  }
  return String(o)
}

/** withOptions keeps what is more than its text of the options that stay. */
export const withOptions = (before: readonly unknown[], texts: readonly string[]): unknown[] => texts.map((text) => before.find((o) => optionText(o) === text) ?? text)

/** Questions edit what a form asks, in its order. */
export function Questions({ value, change }: { value: Question[]; change: (to: Question[]) => void }) {
  const t = useText(contents)
  const put = (at: number, to: Question): void => change(value.map((q, i) => (i === at ? to : q)))
  const relabel = (at: number, q: Question, label: string): void => put(at, { ...q, label, ...(q.name === nameOf(q.label ?? '') ? { name: nameOf(label) } : {}) })
  const up = (at: number): void => change(value.flatMap((q, i) => (i === at - 1 ? [value[at] as Question, q] : i === at ? [] : [q])))
  return (
    <Stack gap="sm">
      {value.map((q, i) => {
        const number = i + 1
        return (
          <Card key={i} padding="sm" radius="md" role="group" aria-label={t('questionNumber', { number })}>
            <Stack gap="xs">
              <Group wrap="nowrap" align="flex-end" gap="xs">
                <TextInput style={{ flex: 1 }} label={t('question')} placeholder={t('questionExample')} value={q.label ?? ''} onChange={(e) => relabel(i, q, e.currentTarget.value)} />
                <Select w={150} label={t('answerAs')} allowDeselect={false} data={[...new Set<string>([...kinds, q.type ?? 'text'])].map((k) => ({ value: k, label: kinds.some((x) => x === k) ? t(`kind_${k as 'text'}`) : k }))} value={q.type ?? 'text'} onChange={(to) => put(i, retyped(q, to ?? 'text'))} comboboxProps={{ shadow: 'md' }} />
                <ActionIcon mb={4} variant="subtle" color="gray" disabled={i === 0} aria-label={t('moveUp', { number })} onClick={() => up(i)}><IconArrowUp size={16} /></ActionIcon>
                <ActionIcon mb={4} variant="subtle" color="gray" aria-label={t('removeQuestion', { number })} onClick={() => change(value.filter((_, at) => at !== i))}><IconTrash size={16} /></ActionIcon>
              </Group>
              {q.type === 'choice' && <TagsInput label={t('options')} description={t('optionsHint')} value={(q.options ?? []).map(optionText)} onChange={(to) => put(i, { ...q, options: withOptions(q.options ?? [], to) })} />}
              <Group gap="md" align="flex-end">
                <TextInput w={200} label={t('nameInAnswers')} value={q.name} error={nameWrong(value, i) ? t('nameTwice') : undefined} onChange={(e) => put(i, { ...q, name: e.currentTarget.value })} />
                {q.type === 'rating' && <NumberInput w={120} label={t('upTo')} min={2} max={10} value={q.max ?? 5} onChange={(to) => put(i, { ...q, max: Number(to) || 5 })} />}
                <Checkbox mb={8} label={t('mustAnswer')} checked={q.required === true} onChange={(e) => put(i, { ...q, required: e.currentTarget.checked })} />
              </Group>
            </Stack>
          </Card>
        )
      })}
      <div><Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} disabled={value.length >= 50} onClick={() => change([...value, { name: '', label: '', type: 'text' }])}>{t('addQuestion')}</Button></div>
    </Stack>
  )
}

const nameWrong = (all: readonly Question[], at: number): boolean => !all[at]?.name || all.some((q, i) => i < at && q.name === all[at]?.name)

/** questionsRight tells whether every question has a name of its own, and every choice something to choose. */
export const questionsRight = (all: readonly Question[]): boolean => all.every((q, i) => !nameWrong(all, i) && (q.type !== 'choice' || (q.options ?? []).length > 0))

function retyped({ options, max, ...rest }: Question, type: string): Question {
  return { ...rest, type, ...(type === 'choice' ? { options: options ?? [] } : {}), ...(type === 'rating' ? { max: max ?? 5 } : {}) }
}
