import { keepPreviousData, queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import { everyDocument } from '~/shared/definition/everyDocument'

/** Policy says how many days events are kept, and which. */
export type Policy = Schema['RetentionRun']['policy'] & object
export type Statement = Schema['Statement']
export type Record_ = Schema['ProcessingRecord']
export type Job = Schema['Job']

export interface Stored {
  key: string
  version: number
  live_version: number | null
  document: Policy
}

export interface Listed extends Omit<Schema['ModelSummary'], 'document'> {
  document: Policy
}

/** Reason is why an event stays that is old enough to go. */
export const reasons = ['needed', 'shared_identifier', 'replayed'] as const

/** Result is what a run came to so far: the result of its job. */
export interface Result {
  events: number
  copies: number
  bytes: number
  identifiers: number
  policies: Record<string, number>
  kept: Record<string, number>
  oldest?: string
  dry_run: boolean
  looks_back: { kind: 'segment' | 'computed_trait' | 'affinity' | 'experiment'; key: string; policy: string; effect: 'new_versions' | 'results' }[]
}

export const resultOf = (j: Job): Result | undefined => j.result as Result | undefined
export const moving = (j: Job): boolean => j.state === 'queued' || j.state === 'running' || j.state === 'waiting'

export const eventTypes = ['track', 'page', 'screen', 'identify', 'group', 'alias'] as const

export const addressOf = (key: string): string => `/api/v1/retention-policies/${encodeURIComponent(key)}`

export const policiesQuery = queryOptions({ queryKey: ['retention', 'policies'], queryFn: ({ signal }) => everyDocument<Listed>('/api/v1/retention-policies', signal) })

export const policyQuery = (key: string) => queryOptions({ queryKey: ['retention', 'policies', key], queryFn: ({ signal }) => call<Stored>(addressOf(key), { signal }) })

/** floorsQuery is up to when events are no longer there, once a run has ended: they rise with it. */
export const floorsQuery = (ended?: string) =>
  queryOptions({ queryKey: ['retention', 'floors', ended], queryFn: ({ signal }) => ask(api.GET('/api/v1/retention', { signal })), placeholderData: keepPreviousData })

export const runsQuery = queryOptions({
  queryKey: ['retention', 'runs'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/jobs', { params: { query: { kind: 'retention', limit: 50 } }, signal })),
  refetchInterval: (q) => ((q.state.data?.items ?? []).some(moving) ? 1_000 : 10_000),
})

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['retention', 'runs', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/jobs/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (q) => (q.state.data && !moving(q.state.data) ? false : 500),
  })

export const recordQuery = queryOptions({ queryKey: ['retention', 'record'], queryFn: ({ signal }) => ask(api.GET('/api/v1/processing-record', { signal })) })

/** useRetentionChange runs a change and reads again what it may have changed. */
export function useRetentionChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({ mutationFn: change, onSettled: () => Promise.all([['retention'], ['versions']].map((queryKey) => queries.invalidateQueries({ queryKey }))) })
}

export const savePolicy = (key: string, document: Policy, fresh = false): Promise<Stored> =>
  call<Stored>(`${addressOf(key)}?wait=applied`, { method: 'PUT', body: document, ...(fresh ? { headers: { 'If-None-Match': '*' } } : {}) })

export const endPolicy = (key: string, version: number): Promise<unknown> => call(`${addressOf(key)}/status?wait=applied`, { method: 'POST', body: { status: 'archived', version } })

/** startRun takes events out, or counts them; a policy is tried alone. */
export const startRun = (body: Schema['RetentionRun']): Promise<Job> => ask(api.POST('/api/v1/retention/runs', { body }))

export const cancelRun = (id: string): Promise<Job> => ask(api.POST('/api/v1/retention/runs/{id}/cancel', { params: { path: { id } } }))

export const statementAddress = '/api/v1/processing-statement'

export const saveStatement = (document: Statement): Promise<unknown> => call(`${statementAddress}?wait=applied`, { method: 'PUT', body: document })
