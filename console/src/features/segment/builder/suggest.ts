import { queryOptions, useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { observedQuery, sourcesQuery } from '~/features/source/queries'
import { api, ask } from '~/shared/api/client'
import { useLocale } from '~/shared/i18n'
import { segmentName, segmentsQuery } from '../queries'
import type { Scalar } from './model'

export type ValueType = 'text' | 'number' | 'time' | 'bool'

/** Known is what was observed under a name: its type and values that came. */
export interface Known {
  type?: ValueType | undefined
  values?: Scalar[]
}

export interface Choice {
  value: string
  label: string
}

const minute = 60_000

export const traitsQuery = queryOptions({
  queryKey: ['traits'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/traits', { params: { query: { limit: 500 } }, signal })),
  staleTime: minute,
})

export const purposesQuery = queryOptions({
  queryKey: ['consent-policy'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/consent-policy', { signal })),
  staleTime: minute,
})

const rulesQuery = queryOptions({
  queryKey: ['identity', 'rules'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/identity/rules', { signal })),
  staleTime: minute,
})

const computedQuery = queryOptions({
  queryKey: ['computed-traits'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/computed-traits', { params: { query: { limit: 500 } }, signal })),
  staleTime: minute,
})

const affinitiesQuery = queryOptions({
  queryKey: ['affinities'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/affinities', { params: { query: { limit: 500 } }, signal })),
  staleTime: minute,
})

const itemsQuery = queryOptions({
  queryKey: ['catalog', 'suggest'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/catalog/items', { params: { query: { limit: 200 } }, signal })),
  staleTime: minute,
})

/** typeOf tells how values of an observed type are written. */
function typeOf(type: string | undefined, format?: string): ValueType | undefined {
  if (type === 'number' || type === 'integer') return 'number'
  if (type === 'boolean') return 'bool'
  if (/date|time/.test(`${type} ${format}`)) return 'time'
  return type === 'string' ? 'text' : undefined
}

const isScalar = (v: unknown): v is Scalar => ['string', 'number', 'boolean'].includes(typeof v)

/** useTraits knows the traits that were observed or declared. */
export function useTraits(): Map<string, Known> {
  const { data } = useQuery(traitsQuery)
  return useMemo(
    () =>
      new Map(
        (data?.items ?? []).map((t): [string, Known] => {
          const declared = t.declared as { type?: string; allowed_values?: unknown[] } | null
          const values = [...(declared?.allowed_values ?? []), ...(t.personal ? [] : t.examples)].filter(isScalar)
          return [t.name, { type: typeOf(declared?.type ?? (t.types.length === 1 ? t.types[0]?.type : undefined)), values: [...new Set(values)] }]
        }),
      ),
    [data],
  )
}

interface ObservedEvents {
  /** names by type: track, page, screen */
  names: Record<string, string[]>
  fields: (type: string, name: string) => Map<string, Known>
}

/** useEvents knows what all sources sent, with the fields of each event. */
export function useEvents(): ObservedEvents {
  const sources = useQuery(sourcesQuery).data?.items ?? []
  const observed = useQueries({ queries: sources.map((s) => ({ ...observedQuery(s.key), staleTime: minute })), combine: (all) => all.flatMap((q) => q.data?.items ?? []) })
  return useMemo(() => {
    const names: Record<string, Set<string>> = {}
    for (const e of observed) if (e.name) (names[e.type] ??= new Set()).add(e.name)
    return {
      names: Object.fromEntries(Object.entries(names).map(([type, set]) => [type, [...set].sort()])),
      fields: (type, name) =>
        new Map(
          observed
            .filter((e) => e.type === type && (e.name ?? '') === name)
            .flatMap((e) => e.fields.map((f): [string, Known] => [f.path, { type: f.types.length === 1 ? typeOf(f.types[0], f.format) : undefined }])),
        ),
    }
  }, [observed])
}

/** usePurposes are the purposes of the consent policy, in the reader's language. */
export function usePurposes(): Choice[] {
  const { data } = useQuery(purposesQuery)
  const { language } = useLocale()
  const { purposes = [] } = (data?.document ?? {}) as { purposes?: { key: string; name?: string; names?: Record<string, string> }[] }
  return purposes.map((p) => ({ value: p.key, label: p.names?.[language] ?? p.name ?? p.key }))
}

export function useNamespaces(): string[] {
  const { data } = useQuery(rulesQuery)
  const { namespaces = [] } = (data?.document ?? {}) as { namespaces?: { name: string }[] }
  return namespaces.map((n) => n.name)
}

/** useSegments are all segments but the one that is edited: none may ask for itself. */
export function useSegments(but: string | undefined): Choice[] {
  const { data } = useQuery(segmentsQuery)
  return (data?.items ?? []).filter((s) => s.key !== but && s.status !== 'archived').map((s) => ({ value: s.key, label: segmentName(s) }))
}

export const useComputed = (): string[] => (useQuery(computedQuery).data?.items ?? []).map((c) => c.key)

export const useAffinities = (): string[] => (useQuery(affinitiesQuery).data?.items ?? []).map((c) => c.key)

interface Item {
  id?: string
  attributes?: Record<string, unknown>
  dimensions?: Record<string, unknown>
}

/** useCatalog knows the attributes and dimensions of items, with their values. */
export function useCatalog(): { ids: string[]; attributes: Map<string, Known> } {
  const { data } = useQuery(itemsQuery)
  return useMemo(() => {
    const items = (data?.items ?? []) as Item[]
    const attributes = new Map<string, Known>()
    for (const item of items)
      for (const [name, value] of Object.entries({ ...item.attributes, ...item.dimensions })) {
        const found = attributes.get(name) ?? { type: typeOf(typeof (Array.isArray(value) ? value[0] : value)), values: [] }
        for (const v of Array.isArray(value) ? value : [value]) if (isScalar(v) && !found.values?.includes(v) && (found.values?.length ?? 0) < 50) found.values?.push(v)
        attributes.set(name, found)
      }
    return { ids: items.flatMap((i) => i.id ?? []), attributes }
  }, [data])
}

/** profileFields are what events come to, with their types. */
export const profileFields: Record<string, ValueType> = {
  last_seen: 'time',
  first_seen: 'time',
  event_count: 'number',
  session_count: 'number',
  order_count: 'number',
  first_order_at: 'time',
  last_order_at: 'time',
  anonymous: 'bool',
  channel: 'text',
  account: 'text',
}

/** contextFields are those of the latest event's context that are most asked for. */
export const contextFields = [
  'device.type', 'device.manufacturer', 'device.model', 'os.name', 'os.version', 'browser.name', 'location.country', 'location.city',
  'campaign.source', 'campaign.medium', 'campaign.name', 'app.name', 'app.version', 'referrer.url', 'locale', 'timezone',
]
