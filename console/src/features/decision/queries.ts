import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Model = Schema['ModelView']
export type Settings = Schema['Settings']
export type Evaluated = Schema['Evaluated']

export const modelsQuery = queryOptions({
  queryKey: ['decision-models'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/decision-models', { params: { query: { limit: 500 } }, signal })),
})

/** modelQuery is the newest version, with its document. */
export const modelQuery = (key: string) =>
  queryOptions({
    queryKey: ['decision-models', key],
    queryFn: ({ signal }) => call<Model>(`/api/v1/decision-models/${encodeURIComponent(key)}`, { signal, headers: { Accept: 'application/json' } }),
  })

export const settingsQuery = (key: string) =>
  queryOptions({
    queryKey: ['decision-models', key, 'settings'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/decision-models/{key}/settings', { params: { path: { key } }, signal })),
  })

export const connectionsQuery = queryOptions({
  queryKey: ['connections'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/connections', { params: { query: { limit: 500 } }, signal })),
})

export const predictiveQuery = queryOptions({
  queryKey: ['predictive-models'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/predictive-models', { params: { query: { limit: 500 } }, signal })),
})

/** useModelChange runs a change, and reads models again. */
export function useModelChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['decision-models'] }), queries.invalidateQueries({ queryKey: ['versions'] })]),
  })
}

/** saveModel writes a new version, as a draft. */
export const saveModel = (key: string, xml: string, fresh = false): Promise<Model> =>
  call<Model>(`/api/v1/decision-models/${encodeURIComponent(key)}?status=draft&wait=applied`, {
    method: 'PUT',
    body: { xml },
    ...(fresh ? { headers: { 'If-None-Match': '*' } } : {}),
  })

export const setStatus = (key: string, status: Schema['StatusBody']['status'], version?: number): Promise<unknown> =>
  ask(
    api.POST('/api/v1/decision-models/{key}/status', {
      params: { path: { key }, query: { wait: 'applied' } },
      body: { status, ...(version === undefined ? {} : { version }) },
    }),
  )
