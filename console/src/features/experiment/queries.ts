import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import type { State } from './routes'

export type Summary = Schema['ExperimentSummary']
export type Report = Schema['Report']

/** Source is what a metric counts. */
export interface Source {
  name: string
  type?: string
  property?: string
}

export interface Metric {
  key: string
  name?: string
  type?: string
  role?: string
  event: Source
  window?: string
  inverse?: boolean
  margin?: number
  [more: string]: unknown
}

export interface Variant {
  key: string
  name?: string
  weight?: number
  value?: unknown
  [more: string]: unknown
}

/** Experiment is the document of one; what the console does not edit stays in it. */
export interface Experiment {
  name: string
  description?: string
  kind?: string
  state?: State
  public?: boolean
  variants?: Variant[]
  audience?: { segment?: string; condition?: string; public?: boolean }
  traffic?: number
  metrics?: Metric[]
  analysis?: { method?: string; [more: string]: unknown }
  conclusion?: { winner?: string; text: string; time?: string }
  phases?: unknown
  cloned_from?: string
  [more: string]: unknown
}

export interface Stored {
  key: string
  version: number
  live_version: number | null
  document: Experiment
}

export const experimentsQuery = (state?: State) =>
  queryOptions({
    queryKey: ['experiments', 'list', state],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/experiments', { params: { query: { limit: 500, ...(state ? { state } : {}) } }, signal })),
  })

export const experimentQuery = (key: string) =>
  queryOptions({
    queryKey: ['experiments', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/experiments/{key}', { params: { path: { key } }, signal })) as unknown as Promise<Stored>,
  })

/** versionQuery is one version of it. */
export const versionQuery = (key: string, version: number) =>
  queryOptions({
    queryKey: ['experiments', key, 'version', version],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/experiments/{key}', { params: { path: { key }, query: { version } }, signal })) as unknown as Promise<Stored>,
  })

/** Without is who is left out of results: people whose windows are not over yet, and those who saw several variants. */
export interface Without { mature?: true; once?: true }

/** resultsQuery is looked at again and again: results are live. */
export const resultsQuery = (key: string, every = 3_000, without: Without = {}) =>
  queryOptions({
    queryKey: ['experiments', key, 'results', without],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/experiments/{key}/results', { params: { path: { key }, query: without }, signal })),
    refetchInterval: every,
  })

/** useExperimentChange runs a change and reads experiments again. */
export function useExperimentChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['experiments'] }), queries.invalidateQueries({ queryKey: ['versions'] })]),
  })
}

/** saveExperiment writes one. What the server keeps itself is not sent back. */
export function saveExperiment(key: string, of: Experiment, fresh = false): Promise<Stored> {
  const { phases: _, cloned_from: _from, ...document } = of
  return call<Stored>(`/api/v1/experiments/${encodeURIComponent(key)}?wait=applied`, { method: 'PUT', body: document, ...(fresh ? { headers: { 'If-None-Match': '*' } } : {}) })
}

export const setState = (key: string, state: State, conclusion?: { winner?: string; text: string }): Promise<unknown> =>
  call(`/api/v1/experiments/${encodeURIComponent(key)}/state?wait=applied`, { method: 'POST', body: { state, ...(conclusion ? { conclusion } : {}) } })
