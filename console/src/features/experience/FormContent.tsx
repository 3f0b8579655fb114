import { Autocomplete, Button, Card, Checkbox, Group, NumberInput, Radio, Select, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useEventNames } from '~/features/source/useEventNames'
import { useText } from '~/shared/i18n'
import { contents } from './contentMessages'
import { Questions, optionText } from './Questions'
import type { Question } from './Questions'

type Content = Record<string, unknown>
interface Props { value: Content; change: (to: Content) => void; label: string }

const text = (v: unknown): string => (typeof v === 'string' || typeof v === 'number' ? String(v) : '')
const corners = ['bottom-right', 'bottom-left', 'top-right', 'top-left'] as const

/** asked are the questions of a content. */
export const asked = (c: Content): Question[] => (Array.isArray(c.fields) ? (c.fields as Question[]) : [])

/** put sets a member, or takes it away where nothing is said. */
function put(c: Content, name: string, to: unknown): Content {
  const { [name]: _, ...rest } = c
  return to === '' || to === undefined ? rest : { ...c, [name]: to }
}

/** FormContent edits a feedback form. */
export function FormContent({ value: c, change, label }: Props) {
  const t = useText(contents)
  return (
    <Stack gap="sm" role="group" aria-label={label}>
      <Words value={c} change={change} />
      <Questions value={asked(c)} change={(to) => change({ ...c, fields: to })} />
      <Sending value={c} change={change} />
      <Look value={c} form />
      <Text size="xs" c="dimmed">{t('panelsHint')}</Text>
    </Stack>
  )
}

/** NotificationContent edits what comes up beside the page's own content. */
export function NotificationContent({ value: c, change, label }: Props) {
  const t = useText(contents)
  const asks = Array.isArray(c.fields)
  const line = (name: string, caption: string, placeholder?: string) => <TextInput label={caption} placeholder={placeholder ?? ''} value={text(c[name])} onChange={(e) => change(put(c, name, e.currentTarget.value))} />
  return (
    <Stack gap="sm" role="group" aria-label={label}>
      <Words value={c} change={change} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        {line('url', t('link'), 'https://')}
        {line('label', t('linkLabel'))}
        {line('image', t('image'), 'https://')}
        <Select label={t('corner')} allowDeselect={false} data={corners.map((x) => ({ value: x, label: t(`corner_${x}`) }))} value={corners.find((x) => x === c.position) ?? 'bottom-right'} onChange={(to) => change({ ...c, position: to })} comboboxProps={{ shadow: 'md' }} />
        <NumberInput label={t('seconds')} description={t('secondsHint')} min={0} value={typeof c.seconds === 'number' ? c.seconds : ''} onChange={(to) => change(put(c, 'seconds', typeof to === 'number' ? to : undefined))} />
      </SimpleGrid>
      <Switch label={t('alsoAsks')} checked={asks} onChange={(e) => change(put(c, 'fields', e.currentTarget.checked ? [{ name: '', label: '', type: 'text' }] : undefined))} />
      {asks && <Questions value={asked(c)} change={(to) => change({ ...c, fields: to })} />}
      {asks && <Sending value={c} change={change} />}
      <Look value={c} form={asks} />
      <Text size="xs" c="dimmed">{t('panelsHint')}</Text>
    </Stack>
  )
}

function Words({ value: c, change }: Omit<Props, 'label'>) {
  const t = useText(contents)
  return (
    <>
      <TextInput label={t('title')} value={text(c.title)} onChange={(e) => change({ ...c, title: e.currentTarget.value })} />
      <Textarea label={t('text')} autosize minRows={1} value={text(c.text)} onChange={(e) => change(put(c, 'text', e.currentTarget.value))} />
    </>
  )
}

function Sending({ value: c, change }: Omit<Props, 'label'>) {
  const t = useText(contents)
  const names = useEventNames()
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
      <TextInput label={t('submit')} placeholder={t('submitExample')} value={text(c.submit)} onChange={(e) => change(put(c, 'submit', e.currentTarget.value))} />
      <TextInput label={t('thanks')} placeholder={t('thanksExample')} value={text(c.thanks)} onChange={(e) => change(put(c, 'thanks', e.currentTarget.value))} />
      <Autocomplete label={t('event')} placeholder="Feedback Submitted" data={names} value={text(c.event)} onChange={(to) => change(put(c, 'event', to))} comboboxProps={{ shadow: 'md' }} />
    </SimpleGrid>
  )
}

/** Look is what visitors see, without the styles of the site. It is to look at: nothing is sent. */
function Look({ value: c, form }: { value: Content; form: boolean }) {
  const t = useText(contents)
  return (
    <div>
      <Text size="sm" fw={550} mb={6}>{t('look')}</Text>
      <Card padding="md" maw={420} shadow="sm" inert>
        <Stack gap="xs">
          {text(c.title) && <Text fw={600}>{text(c.title)}</Text>}
          {text(c.text) && <Text size="sm">{text(c.text)}</Text>}
          {text(c.url) && <Text size="sm" td="underline">{text(c.label) || text(c.url)}</Text>}
          {form && asked(c).map((q, i) => <Asked key={i} question={q} />)}
          {form && <div><Button size="xs" tabIndex={-1}>{text(c.submit) || 'Send'}</Button></div>}
        </Stack>
      </Card>
    </div>
  )
}

function Asked({ question: q }: { question: Question }) {
  const label = q.label || q.name || '…'
  if (q.type === 'checkbox') return <Checkbox label={label} readOnly tabIndex={-1} />
  if (q.type === 'textarea') return <Textarea label={label} readOnly tabIndex={-1} withAsterisk={q.required === true} />
  const options = q.type === 'rating' ? Array.from({ length: Math.min(q.max ?? 5, 10) }, (_, n) => String(n + 1)) : q.type === 'choice' ? (q.options ?? []).map(optionText) : undefined
  if (!options) return <TextInput label={label} readOnly tabIndex={-1} withAsterisk={q.required === true} />
  return (
    <Radio.Group label={label} withAsterisk={q.required === true}>
      <Group gap="sm" mt={4}>{options.map((o, n) => <Radio key={n} value={`${n}`} label={o} readOnly tabIndex={-1} />)}</Group>
    </Radio.Group>
  )
}
