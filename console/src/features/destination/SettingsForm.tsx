import { ActionIcon, Button, Fieldset, Group, NumberInput, PasswordInput, Select, Stack, Switch, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useLocale, useText } from '~/shared/i18n'
import { Folded } from '~/shared/ui/Folded'
import type { SettingsSchema, Type } from './queries'
import { linesOf, long, matters, newSecret, parted, twice } from './settings'
import type { Line } from './settings'
import { german, setting } from './settingsMessages'

type Settings = Record<string, unknown>

interface Of {
  /** the kind, or the member that the settings are of */
  owner: string
  value: Settings
  change: (to: Settings) => void
  problem: (name: string) => string | undefined
}

/** SettingsForm is the form of a kind's settings, made of their schema. */
export function SettingsForm({ type, without, ...of }: Omit<Of, 'owner'> & { type: Type; without: readonly string[] }) {
  const t = useText(setting)
  const { open, folded } = parted(type.name, type.schema)
  const there = (name: string): boolean => !without.includes(name)
  return (
    <Stack>
      <Members schema={type.schema} names={open.filter(there)} {...of} owner={type.name} />
      {folded.some(there) && (
        <Folded label={t('more')}>
          <Members schema={type.schema} names={folded.filter(there)} {...of} owner={type.name} />
        </Folded>
      )}
    </Stack>
  )
}

function Members({ schema, names, owner, value, change, problem }: Of & { schema: SettingsSchema; names: string[] }) {
  return (
    <Stack>
      {names.filter((n) => matters(owner, n, value)).map((name) => {
        const of = schema.properties?.[name] ?? {}
        return <Member key={name} owner={owner} name={name} schema={of} required={schema.required?.includes(name) ?? false} value={value[name]} change={(v) => change({ ...value, [name]: v })} problem={problem} />
      })}
    </Stack>
  )
}

interface One extends Omit<Of, 'value' | 'change'> {
  name: string
  schema: SettingsSchema
  required: boolean
  value: unknown
  change: (to: unknown) => void
}

function Member({ owner, name, schema, required, value, change, problem }: One) {
  const t = useText(setting)
  const { language } = useLocale()
  const label = `f_${name}` in setting.en ? t(`f_${name}` as 'f_host') : name
  const description = (language === 'de' && german[`${owner}.${name}`]) || schema.description
  const common = { label, description, error: problem(name), required, withAsterisk: required }
  if (schema.properties) {
    const inner = (value ?? {}) as Settings
    return (
      <Fieldset legend={label}>
        <Members schema={schema} names={Object.keys(schema.properties)} owner={name} value={inner} change={change} problem={(n) => problem(`${name}/${n}`)} />
      </Fieldset>
    )
  }
  if (schema.type === 'boolean') return <Switch label={label} description={description} checked={value === true} onChange={(e) => change(e.currentTarget.checked)} />
  if (schema.enum?.join() === 'yes,no') return <Switch label={label} description={description} checked={(value ?? schema.default) === 'yes'} onChange={(e) => change(e.currentTarget.checked ? 'yes' : 'no')} />
  if (schema.enum) {
    const data = schema.enum.map((v) => ({ value: v, label: `v_${v}` in setting.en ? t(`v_${v}` as 'v_none') : v }))
    return <Select {...common} data={data} clearable={schema.default === undefined} allowDeselect={false} value={String(value ?? schema.default ?? '') || null} onChange={(v) => change(v ?? undefined)} clearButtonProps={{ 'aria-label': t('clear') }} />
  }
  if (schema.type === 'integer' || schema.type === 'number')
    return <NumberInput {...common} hideControls maw={240} placeholder={schema.default === undefined ? '' : String(schema.default)} value={typeof value === 'number' ? value : ''} onChange={(v) => change(v === '' ? undefined : Number(v))} />
  if (schema.type === 'array' && schema.items?.type === 'object') return <Rows {...common} value={pairsOf(value)} change={(rows) => change(rows.map(([n, v]) => ({ name: n, value: v })))} />
  if (schema.type === 'array') return <Several {...common} name={name} numbers={schema.items?.type === 'integer'} value={Array.isArray(value) ? value.map(String) : value === kept ? [kept] : []} change={change} />
  if (schema.type === 'object' && value === kept)
    return (
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput {...common} flex={1} readOnly value={kept} />
        <Button variant="default" onClick={() => change({})}>{t('replace')}</Button>
      </Group>
    )
  if (schema.type === 'object') return <Named {...common} value={linesOf(value)} change={change} />
  if (schema.writeOnly && !long.includes(name)) return <PasswordInput {...common} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': t('reveal') }} value={String(value ?? '')} onChange={(e) => change(e.currentTarget.value)} />
  if (long.includes(name)) return <Textarea {...common} autosize minRows={3} maxRows={16} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} value={String(value ?? '')} onChange={(e) => change(e.currentTarget.value)} />
  return <TextInput {...common} placeholder={schema.default === undefined ? '' : String(schema.default)} value={String(value ?? '')} onChange={(e) => change(e.currentTarget.value)} />
}

// What the server shows of a secret, and takes for: as it was.
const kept = '********'

interface Labelled {
  label: string
  description: string | undefined
  error: string | undefined
  required: boolean
}

function Several({ name, numbers, value, change, ...common }: Labelled & { name: string; numbers: boolean; value: string[]; change: (to: unknown) => void }) {
  const t = useText(setting)
  // What is written beside a secret that is kept takes its place.
  const set = (all: string[]): void => {
    const v = all.length > 1 ? all.filter((x) => x !== kept) : all
    change(v[0] === kept ? kept : numbers ? v.map(Number).filter((n) => !Number.isNaN(n)) : v)
  }
  return (
    <div>
      <TagsInput {...common} value={value} onChange={set} placeholder={value.length === 0 ? t('enterAdds') : ''} acceptValueOnBlur />
      {name === 'secrets' && (
        <Group mt={6} gap="xs">
          <Button size="compact-sm" variant="subtle" onClick={() => set([...value, newSecret()])}>{t('makeSecret')}</Button>
          {value[0] === kept && <Text size="xs" c="dimmed">{t('secretReplaces')}</Text>}
        </Group>
      )}
    </div>
  )
}

function pairsOf(value: unknown): Line[] {
  return Array.isArray(value) ? (value as { name?: string; value?: string }[]).map((p): Line => [p.name ?? '', p.value ?? '']) : []
}

// Named are the lines of an object: no two may have one name.
function Named({ value, error, ...of }: Labelled & { value: Line[]; change: (to: Line[]) => void }) {
  const t = useText(setting)
  const name = twice(value)
  return <Rows {...of} value={value} error={name === undefined ? error : t('rowTwice', { name })} />
}

function Rows({ label, description, error, value, change }: Labelled & { value: Line[]; change: (to: Line[]) => void }) {
  const t = useText(setting)
  const put = (i: number, row: Line): void => change(value.map((r, j) => (i === j ? row : r)))
  return (
    <div role="group" aria-label={label}>
      <Text size="sm" fw={500}>{label}</Text>
      {description && <Text size="xs" c="dimmed" mb={6}>{description}</Text>}
      <Stack gap={6}>
        {value.map(([n, v], i) => (
          <Group key={i} gap={6} wrap="nowrap">
            <TextInput flex={1} aria-label={`${label}: ${t('rowName')} ${i + 1}`} placeholder={t('rowName')} value={n} onChange={(e) => put(i, [e.currentTarget.value, v])} />
            <TextInput flex={2} aria-label={`${label}: ${t('rowValue')} ${i + 1}`} placeholder={t('rowValue')} value={v} onChange={(e) => put(i, [n, e.currentTarget.value])} />
            <ActionIcon variant="subtle" color="gray" aria-label={`${t('takeRow')}: ${n || i + 1}`} onClick={() => change(value.filter((_, j) => j !== i))}><IconX size={16} /></ActionIcon>
          </Group>
        ))}
      </Stack>
      <Button mt={6} size="compact-sm" variant="subtle" leftSection={<IconPlus size={14} />} aria-label={`${t('addRow')}: ${label}`} onClick={() => change([...value, ['', '']])}>{t('addRow')}</Button>
      {error && <Text size="xs" c="var(--mantine-color-error)" role="alert">{error}</Text>}
    </div>
  )
}
