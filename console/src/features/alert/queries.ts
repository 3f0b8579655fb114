import { infiniteQueryOptions, queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import { everyDocument } from '~/shared/definition/everyDocument'

export type When = Schema['AlertWhen']

/** Alert says of what somebody is told, and by which destinations. */
export interface Alert {
  name: string
  when: When
  for?: string
  repeat?: string
  send_to: string[]
}

export type Said = Schema['SaidAlert']
export type Standing = Schema['StandingAlert']

/** kinds are what an alert can be about: exactly one of these. */
export const kinds = ['source_silent', 'volume_anomaly', 'destination_failing', 'dead_letters', 'disk', 'lag', 'certificate', 'finding'] as const
export type Kind = (typeof kinds)[number]

export const kindOf = (w: When): Kind => kinds.find((k) => w[k] !== undefined) ?? 'finding'

export interface Stored {
  key: string
  version: number
  status: string
  live_version: number | null
  document: Alert
}

export interface Listed extends Omit<Schema['ModelSummary'], 'document'> {
  document: Alert
}

const at = (key: string): string => `/api/v1/alerts/${encodeURIComponent(key)}`

export const alertsQuery = queryOptions({ queryKey: ['alerts'], queryFn: ({ signal }) => everyDocument<Listed>('/api/v1/alerts', signal) })

export const alertQuery = (key: string) => queryOptions({ queryKey: ['alerts', key], queryFn: ({ signal }) => call<Stored>(at(key), { signal }) })

export const standingQuery = queryOptions({
  queryKey: ['alert-standing'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/alert-standing', { params: { query: { limit: 500 } }, signal })),
  refetchInterval: 10_000,
})

/** saidQuery is the history, of one alert or of all. */
export const saidQuery = (alert?: string) =>
  infiniteQueryOptions({
    queryKey: ['alert-history', alert],
    queryFn: ({ pageParam, signal }) => ask(api.GET('/api/v1/alert-history', { params: { query: { limit: 100, ...(alert ? { alert } : {}), ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: 5_000,
  })

/** useAlertChange runs a change of an alert and reads alerts again. */
export function useAlertChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([['alerts'], ['alert-standing'], ['alert-history'], ['versions']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  })
}

export const saveAlert = (key: string, document: Alert, fresh = false): Promise<Stored> =>
  call<Stored>(`${at(key)}?wait=applied`, { method: 'PUT', body: document, ...(fresh ? { headers: { 'If-None-Match': '*' } } : {}) })

export const switchOff = (key: string, version: number): Promise<unknown> => call(`${at(key)}/status?wait=applied`, { method: 'POST', body: { status: 'archived', version } })

export const testAlert = (key: string): Promise<Said> => call<Said>(`${at(key)}/test`, { method: 'POST' })
