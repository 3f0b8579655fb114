import { Loader, Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconUser } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { profile } from './messages'
import { calledOf, nameOf } from './name'

/** PersonPicker finds one person by the beginning of an identifier or by parts of a name, and gives a reference to them. */
export function PersonPicker({ label, description, value, change }: { label: string; description?: string; value: string | undefined; change: (ref: string | undefined) => void }) {
  const t = useText(profile)
  const [typed, setTyped] = useState('')
  const [query] = useDebouncedValue(typed.trim(), 200)
  const found = useQuery({
    queryKey: ['profiles', 'search', query, 'picker'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles', { params: { query: { query, limit: 20 } }, signal })),
    enabled: query.length >= 1,
    placeholderData: keepPreviousData,
  })
  const rows = new Map<string, string>()
  if (value) rows.set(value, value)
  for (const p of found.data?.items ?? []) {
    const name = nameOf(p.identifiers, p.id)
    const one = p.identifiers.find((i) => i.value === name)
    const ref = one ? `${one.namespace}:${one.value}` : p.id
    const called = calledOf(p)
    rows.set(ref, called === name ? name : `${called} · ${name}`)
  }
  return (
    <Select
      label={label}
      {...(description ? { description } : {})}
      data={[...rows].map(([v, name]) => ({ value: v, label: name }))}
      value={value ?? null}
      onChange={(to) => change(to ?? undefined)}
      searchValue={typed}
      onSearchChange={setTyped}
      filter={({ options }) => options}
      searchable
      clearable
      leftSection={found.isFetching ? <Loader size={14} /> : <IconUser size={16} stroke={1.7} />}
      placeholder={t('searchPlaceholder')}
      nothingFoundMessage={query ? t('nobodyTitle', { query }) : t('startTitle')}
      comboboxProps={{ shadow: 'md' }}
    />
  )
}
