import { keepPreviousData, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Criterion = Schema['CriterionView']
export type Preview = Schema['Preview']
export type Step = Schema['PreviewStep']

/** SegmentDocument is what a segment is written with. */
export interface SegmentDocument {
  name: string
  description?: string
  condition: Record<string, unknown>
}

/** documentOf is the document of a segment; the server has checked its form. */
export const documentOf = (s: Criterion): SegmentDocument | undefined => s.document as SegmentDocument | undefined

/** nameOf is what a segment is called. */
export const segmentName = (s: Criterion): string => documentOf(s)?.name || s.key

const building = (s: Criterion): boolean => s.state.building !== undefined && s.state.building !== 0

export const segmentsQuery = queryOptions({
  queryKey: ['segments'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/segments', { params: { query: { limit: 500, include: 'document' } }, signal })),
  refetchInterval: (q) => ((q.state.data?.items ?? []).some(building) ? 1_000 : 15_000),
})

/** useSegmentNames gives what segments are called; a key where that is not known. */
export function useSegmentNames(): (key: string) => string {
  const { data } = useQuery({ ...segmentsQuery, refetchInterval: false, staleTime: 60_000 })
  return (key) => {
    const of = data?.items?.find((s) => s.key === key)
    return of ? segmentName(of) : key
  }
}

export const segmentQuery = (key: string) =>
  queryOptions({
    queryKey: ['segments', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/segments/{key}', { params: { path: { key } }, signal })),
    refetchInterval: (q) => (q.state.data && building(q.state.data) ? 700 : 10_000),
  })

export const spans = { day: 1, week: 7, month: 30, quarter: 90 } as const
export type Span = keyof typeof spans

/** historyQuery is how large a segment was; short spans by the hour. */
export const historyQuery = (key: string, span: Span) =>
  queryOptions({
    queryKey: ['segments', key, 'history', span],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - spans[span] * 86_400_000).toISOString()
      return ask(api.GET('/api/v1/segments/{key}/history', { params: { path: { key }, query: { from, step: spans[span] > 7 ? 'day' : 'hour' } }, signal }))
    },
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  })

/** previewQuery counts before anything is made; the same question is asked once. */
export const previewQuery = (condition: unknown) =>
  queryOptions({
    queryKey: ['preview', condition],
    queryFn: ({ signal }) => ask(api.POST('/api/v1/segments/preview', { body: { condition: condition as Record<string, never> }, signal })),
    enabled: condition !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  })

/** countQuery waits for the exact number where a preview was an estimate. */
export const countQuery = (id: string | undefined) =>
  queryOptions({
    queryKey: ['preview-count', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/previews/{id}', { params: { path: { id: id ?? '' } }, signal })),
    enabled: id !== undefined,
    refetchInterval: (q) => (q.state.data && (q.state.data.state === 'done' || q.state.data.state === 'failed') ? false : 1_000),
  })

/** useSegmentChange runs a change and reads what it changed again. */
export function useSegmentChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['segments'] }), queries.invalidateQueries({ queryKey: ['versions'] })]),
  })
}
