import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Request = Schema['PrivacyRequest']

const moving = (r: Request): boolean => r.state === 'queued' || r.state === 'running'

export const requestsQuery = queryOptions({
  queryKey: ['privacy'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/privacy/requests', { params: { query: { limit: 200 } }, signal })),
  refetchInterval: (q) => ((q.state.data?.items ?? []).some(moving) ? 1_000 : 20_000),
})

export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ['privacy', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/privacy/requests/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (q) => (q.state.data && moving(q.state.data) ? 700 : false),
  })

export const listsQuery = queryOptions({
  queryKey: ['suppressions'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/suppressions', { params: { query: { limit: 200 } }, signal })),
})

export function usePrivacyChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({ mutationFn: change, onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['privacy'] }), queries.invalidateQueries({ queryKey: ['profiles'] })]) })
}
