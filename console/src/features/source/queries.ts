import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Source = Schema['SourceView']

export const sourcesQuery = queryOptions({
  queryKey: ['sources'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/sources', { params: { query: { limit: 500 } }, signal })),
})

export const sourceQuery = (key: string) =>
  queryOptions({
    queryKey: ['sources', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/sources/{key}', { params: { path: { key } }, signal })),
  })

/** healthQuery is looked at again and again: a first event shows by itself. */
export const healthQuery = (key: string, every = 5_000) =>
  queryOptions({
    queryKey: ['sources', key, 'health'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/sources/{key}/health', { params: { path: { key } }, signal })),
    refetchInterval: every,
    staleTime: Math.min(every, 4_000),
  })

export const observedQuery = (key: string) =>
  queryOptions({
    queryKey: ['sources', key, 'events'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/sources/{key}/events', { params: { path: { key }, query: { limit: 500 } }, signal })),
  })

/** useSourceChange runs a change and reads what it changed again. */
export function useSourceChange<V>(change: (v: V) => Promise<unknown>) {
  const queries = useQueryClient()
  return useChange({ mutationFn: change, onSettled: () => queries.invalidateQueries({ queryKey: ['sources'] }) })
}

/** bodyOf is what a source is written with: all of it but what the server says itself. */
export function bodyOf(s: Source): Schema['SourceBody'] {
  const { key: _, write_keys: _keys, oauth_clients: _clients, version: _version, changed_at: _at, item_actions, kind, ...rest } = s
  return { ...rest, kind: kind as Schema['SourceBody']['kind'], ...(item_actions ? { item_actions } : {}) }
}
