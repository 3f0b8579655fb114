import { ActionIcon, Button, Group, Stack, Text, TextInput, Textarea } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useText } from '~/shared/i18n'
import { experience } from './messages'

/** Fields edit content: a name and a text each. What is no text stays as it is. */
export function Fields({ value, change, label, hint }: { value: Record<string, unknown>; change: (to: Record<string, unknown>) => void; label: string; hint?: string }) {
  const t = useText(experience)
  const entries = Object.entries(value)
  const put = (at: number, key: string, to: unknown): void => change(Object.fromEntries(entries.map((e, i) => (i === at ? [key, to] : e))))
  return (
    <Stack gap="xs" role="group" aria-label={label}>
      <Text size="xs" c="dimmed">{hint ?? t('contentHint', { braces: '{{ person.traits.first_name }}' })}</Text>
      {entries.map(([key, text], i) => (
        <Group key={i} wrap="nowrap" align="flex-start" gap="sm">
          <TextInput w={160} aria-label={t('fieldName', { number: i + 1 })} value={key} onChange={(e) => put(i, e.currentTarget.value, text)} />
          <Textarea style={{ flex: 1 }} autosize minRows={1} aria-label={t('fieldText', { name: key })} placeholder={t('fieldPlaceholder')} value={typeof text === 'string' ? text : JSON.stringify(text)} readOnly={typeof text !== 'string'} onChange={(e) => put(i, key, e.currentTarget.value)} />
          <ActionIcon mt={4} variant="subtle" color="gray" aria-label={t('removeField', { name: key })} onClick={() => change(Object.fromEntries(entries.filter((_, at) => at !== i)))}><IconTrash size={16} /></ActionIcon>
        </Group>
      ))}
      <div><Button size="xs" variant="subtle" leftSection={<IconPlus size={14} />} onClick={() => change({ ...value, [freshKey(value)]: '' })}>{t('addField')}</Button></div>
    </Stack>
  )
}

function freshKey(value: Record<string, unknown>): string {
  for (const key of ['title', 'text', 'image', 'link', 'button']) if (!(key in value)) return key
  return `field_${Object.keys(value).length + 1}`
}

/** contentOf is the content for any language. */
export const contentOf = (by: Record<string, unknown> | undefined): Record<string, unknown> => {
  const any = by?.['*']
  return typeof any === 'object' && any !== null && !Array.isArray(any) ? (any as Record<string, unknown>) : {}
}
