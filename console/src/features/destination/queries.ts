import { infiniteQueryOptions, queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import type { Outcome } from './routes'

export type Destination = Schema['DestinationView']
export type Type = Omit<Schema['DestinationType'], 'schema'> & { schema: SettingsSchema }
export type State = Schema['DestinationState']['state']

/** SettingsSchema is as much of JSON Schema as kinds of destinations use for their settings. */
export interface SettingsSchema {
  type?: string
  description?: string
  default?: unknown
  enum?: string[]
  writeOnly?: boolean
  properties?: Record<string, SettingsSchema>
  required?: string[]
  items?: SettingsSchema
  additionalProperties?: boolean | SettingsSchema
}

/** Document is what a destination is written with. */
export type Document = Omit<Destination, 'key' | 'version' | 'changes' | 'state' | 'status' | 'live_version' | '$schema' | 'settings'> & { settings?: Record<string, unknown> }

/** documentOf is all of it but what the server says itself. */
export function documentOf(d: Destination): Document {
  const { key: _, version: _v, changes: _c, state: _s, status: _t, live_version: _l, ...rest } = d
  return { ...rest, settings: (d.settings ?? {}) as Record<string, unknown> }
}

export const destinationName = (d: Pick<Destination, 'name' | 'key'>): string => d.name || d.key

export const destinationsQuery = queryOptions({
  queryKey: ['destinations'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/destinations', { params: { query: { limit: 500 } }, signal })),
  refetchInterval: 10_000,
})

export const destinationQuery = (key: string) =>
  queryOptions({
    queryKey: ['destinations', 'one', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/destinations/{key}', { params: { path: { key } }, signal })),
    refetchInterval: 4_000,
  })

export const typesQuery = queryOptions({
  queryKey: ['destination-types'],
  queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/destination-types', { signal }))) as { items: Type[] },
  staleTime: 300_000,
})

export const deliveriesQuery = (destination: string, outcome: Outcome | undefined) =>
  infiniteQueryOptions({
    queryKey: ['deliveries', destination, outcome],
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET('/api/v1/deliveries', { params: { query: { destination, limit: 100, ...(outcome ? { outcome } : {}), ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: 4_000,
  })

export const deliveryQuery = (destination: string, id: string) =>
  queryOptions({
    queryKey: ['deliveries', destination, 'one', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/deliveries/{destination}/{id}', { params: { path: { destination, id } }, signal })),
  })

export const putDestination = (key: string, document: Document, more: { create?: boolean; draft?: boolean } = {}): Promise<unknown> =>
  ask(
    api.PUT('/api/v1/destinations/{key}', {
      params: { path: { key }, query: { wait: 'applied', ...(more.draft ? { status: 'draft' as const } : {}) }, header: more.create ? { 'If-None-Match': '*' } : {} },
      body: document as never,
    }),
  )

/** useDestinationChange runs a change and reads destinations and their deliveries again. */
export function useDestinationChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all(['destinations', 'deliveries', 'versions', 'some'].map((first) => queries.invalidateQueries({ queryKey: [first] }))),
  })
}
