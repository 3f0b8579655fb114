import { ActionIcon, Autocomplete, Badge, Button, Card, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useEventNames } from '~/features/source/useEventNames'
import { slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import type { Form } from './Editor'
import { experiment } from './messages'
import type { Metric } from './queries'

const types = ['conversion', 'count', 'sum'] as const
const roles = ['primary', 'secondary', 'guardrail'] as const

/** MetricRows says what an experiment counts; the first one decides. */
export function MetricRows({ form }: { form: Form }) {
  const t = useText(experiment)
  const metrics = form.values.metrics ?? []
  const add = (): void => form.setFieldValue('metrics', [...metrics, { key: '', event: { name: '' }, window: '7d' }])
  return (
    <Stack gap="sm">
      {metrics.length === 0 && <Text size="sm" c="dimmed">{t('noMetrics')}</Text>}
      {metrics.map((m, i) => <Row key={i} form={form} metric={m} index={i} />)}
      <div>
        <Button variant={metrics.length === 0 ? 'light' : 'subtle'} size="xs" leftSection={<IconPlus size={14} />} onClick={add}>{t(metrics.length === 0 ? 'addFirstMetric' : 'addMetric')}</Button>
      </div>
    </Stack>
  )
}

const days = (window: string | undefined): number | '' => (/^\d+d$/.test(window ?? '') ? Number((window ?? '').slice(0, -1)) : '')

function Row({ form, metric: m, index: i }: { form: Form; metric: Metric; index: number }) {
  const t = useText(experiment)
  const names = useEventNames()
  const role = m.role ?? (i === 0 ? 'primary' : 'secondary')
  const known = types.find((x) => x === (m.type ?? 'conversion'))
  const set = (to: Partial<Metric>): void => form.setFieldValue(`metrics.${i}`, { ...m, ...to })
  const rename = (name: string): void => {
    const taken = (form.values.metrics ?? []).some((o, at) => at !== i && o.key === slug(name))
    const derived = m.key === '' || m.key === slug(m.event.name)
    const called = !m.name || m.name === m.event.name
    set({ event: { ...m.event, name }, ...(called ? { name } : {}), ...(derived ? { key: taken ? `${slug(name)}-${i + 1}` : slug(name) } : {}) })
  }
  return (
    <Card padding="sm" radius="md">
      <Stack gap="sm">
        <Group align="flex-start" wrap="nowrap" gap="sm">
          <Autocomplete style={{ flex: 2 }} label={t('event')} placeholder="Order Completed" data={names} value={m.event.name} onChange={rename} error={form.errors[`metrics.${i}.event.name`]} comboboxProps={{ shadow: 'md' }} />
          {known === undefined ? (
            <TextInput style={{ flex: 2 }} label={t('how')} value={m.type ?? ''} readOnly />
          ) : (
            <Select style={{ flex: 2 }} label={t('how')} allowDeselect={false} data={types.map((x) => ({ value: x, label: t(`type_${x}`) }))} value={known} onChange={(to) => set({ type: to ?? 'conversion' })} comboboxProps={{ shadow: 'md' }} />
          )}
          <ActionIcon mt={26} variant="subtle" color="gray" aria-label={t('removeMetric', { name: m.event.name || String(i + 1) })} onClick={() => form.removeListItem('metrics', i)}><IconTrash size={16} /></ActionIcon>
        </Group>
        <Group align="flex-end" gap="sm">
          {m.type === 'sum' && <TextInput label={t('property')} placeholder="total" value={m.event.property ?? ''} onChange={(e) => set({ event: { ...m.event, property: e.currentTarget.value } })} />}
          <NumberInput w={150} label={t('window')} suffix={t('daysSuffix')} min={1} max={365} placeholder={t('noEnd')} value={days(m.window)} onChange={(to) => { const { window: _, ...rest } = m; form.setFieldValue(`metrics.${i}`, typeof to === 'number' && to > 0 ? { ...rest, window: `${to}d` } : rest) }} />
          <Select w={190} label={t('role')} allowDeselect={false} data={roles.map((r) => ({ value: r, label: t(`role_${r}`) }))} value={role} onChange={(to) => set({ role: to ?? 'secondary' })} comboboxProps={{ shadow: 'md' }} />
          <Select w={150} label={t('better')} allowDeselect={false} data={[{ value: 'more', label: t('more') }, { value: 'less', label: t('less') }]} value={m.inverse ? 'less' : 'more'} onChange={(to) => set({ inverse: to === 'less' })} comboboxProps={{ shadow: 'md' }} />
          {role === 'primary' && <Badge mb={8}>{t('decides')}</Badge>}
        </Group>
      </Stack>
    </Card>
  )
}
