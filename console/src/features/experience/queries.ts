import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { call } from '~/shared/api/client'
import { everyDocument } from '~/shared/definition/everyDocument'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

/** Kind is the part of the address: all are versioned documents of one form. */
export type Kind = 'experiences' | 'offers' | 'placements'

export interface Rule {
  segments?: string[]
  [more: string]: unknown
}

/** Cap says how often something happens to a person at most. */
export interface Cap {
  times: number
  per?: string
  of?: string
  period?: string
  each?: string
  [more: string]: unknown
}

export interface Variant {
  key: string
  weight?: number
  control?: boolean
  content?: Record<string, unknown>
  offers?: string
  model?: { key: string; [more: string]: unknown }
  [more: string]: unknown
}

/** Experience is the document of one; what the console does not edit stays in it. */
export interface Experience {
  name?: string
  type: 'web' | 'interactive' | 'triggered'
  placement?: string
  public?: boolean
  audience?: Rule
  traffic?: number
  variants: Variant[]
  caps?: Cap[]
  display?: { on: string; value?: number }
  goals?: { key: string; event?: string; orders?: boolean; within?: string }[]
  [more: string]: unknown
}

export interface Offer {
  name?: string
  priority?: number
  value?: number
  content: Record<string, Record<string, unknown>>
  eligibility?: Rule
  caps?: Cap[]
  inventory?: { total: number }
  [more: string]: unknown
}

/** Placement is a place in which something is shown. */
export interface Placement {
  name?: string
  selector?: string
  content_type?: string
  count?: number
  public?: boolean
  budget_ms?: number
  valid_for?: string
  rule?: Rule
  caps?: Cap[]
  offers?: { keys?: string[]; tags?: string[]; [more: string]: unknown }
  ranking?: { by?: string; formula?: string; model?: string; [more: string]: unknown }
  fallback?: unknown
  [more: string]: unknown
}

export interface Stored<D> {
  key: string
  version: number
  status: string
  live_version: number | null
  document: D
}

const at = (kind: Kind, key: string): string => `/api/v1/${kind}/${encodeURIComponent(key)}`

export const listQuery = (kind: Kind) =>
  queryOptions({ queryKey: [kind], queryFn: ({ signal }) => call<{ items: Schema['ModelSummary'][] }>(`/api/v1/${kind}?limit=500`, { signal }) })

/** Listed is a definition in a list, with its document. */
export interface Listed<D> extends Omit<Schema['ModelSummary'], 'document'> {
  document: D
}

/** wholeQuery lists a kind with the documents, page after page. */
export const wholeQuery = <D>(kind: Kind) =>
  queryOptions({ queryKey: [kind, 'whole'], queryFn: ({ signal }) => everyDocument<Listed<D>>(`/api/v1/${kind}`, signal) })

export const oneQuery = <D>(kind: Kind, key: string) =>
  queryOptions({ queryKey: [kind, key], queryFn: ({ signal }) => call<Stored<D>>(at(kind, key), { signal }) })

/** useThingChange runs a change of an experience or offer, and reads them again. */
export function useThingChange<V, R>(kind: Kind, change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: [kind] }), queries.invalidateQueries({ queryKey: ['versions'] })]),
  })
}

export const save = <D>(kind: Kind, key: string, document: D, fresh = false): Promise<Stored<D>> =>
  call<Stored<D>>(`${at(kind, key)}?status=draft&wait=applied`, { method: 'PUT', body: document, ...(fresh ? { headers: { 'If-None-Match': '*' } } : {}) })

export const setStatus = (kind: Kind, key: string, status: string, version: number): Promise<unknown> =>
  call(`${at(kind, key)}/status?wait=applied`, { method: 'POST', body: { status, version } })

export const resultsOf = (key: string, signal: AbortSignal): Promise<Schema['ExperienceResults']> => call(`${at('experiences', key)}/results`, { signal })
export const inventoryOf = (key: string, signal: AbortSignal): Promise<Schema['InventoryView']> => call(`${at('offers', key)}/inventory`, { signal })
