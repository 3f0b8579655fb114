import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Broadcast = Schema['BroadcastView']
export type State = Broadcast['standing']['state']

/** Document is what a broadcast is written with. */
export type Document = Omit<Broadcast, 'key' | 'version' | 'changes' | 'standing' | '$schema'>

/** documentOf is all of it but what the server says itself. */
export function documentOf(b: Broadcast): Document {
  const { key: _, version: _v, changes: _c, standing: _s, ...rest } = b
  return rest
}

export const broadcastName = (b: Broadcast): string => b.name || b.key

const moving = (b: Broadcast): boolean => b.standing.state === 'sending' || b.standing.state === 'scheduled'

export const broadcastsQuery = queryOptions({
  queryKey: ['broadcasts'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/broadcasts', { params: { query: { limit: 500 } }, signal })),
  refetchInterval: (q) => ((q.state.data?.items ?? []).some(moving) ? 2_000 : 20_000),
})

export const broadcastQuery = (key: string) =>
  queryOptions({
    queryKey: ['broadcasts', key],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/broadcasts/{key}', { params: { path: { key } }, signal })),
    refetchInterval: (q) => (q.state.data && moving(q.state.data) ? 1_000 : 15_000),
  })

export type Audience = Schema['BroadcastAudience']

/** audienceQuery looks at the whole segment, part after part, and adds up. */
export const audienceQuery = (key: string, version: number) =>
  queryOptions({
    queryKey: ['broadcasts', key, 'audience', version],
    queryFn: async ({ signal }) => {
      let sum: Audience | undefined
      for (let cursor = ''; ; cursor = sum.next ?? '') {
        const part = await ask(api.GET('/api/v1/broadcasts/{key}/audience', { params: { path: { key }, query: cursor ? { cursor } : {} }, signal }))
        sum = sum ? added(sum, part) : part
        if (!part.next) return { ...sum, complete: true }
      }
    },
    staleTime: 15_000,
  })

/** added joins what was found in two parts of a segment. */
export function added(a: Audience, b: Audience): Audience {
  const reasons: Record<string, number> = { ...a.will_not }
  for (const [reason, n] of Object.entries(b.will_not)) reasons[reason] = (reasons[reason] ?? 0) + n
  const examples: Audience['examples'] = { ...a.examples }
  for (const [reason, ids] of Object.entries(b.examples)) examples[reason] = [...(examples[reason] ?? []), ...(ids ?? [])].slice(0, 5)
  return {
    ...b,
    looked_at: a.looked_at + b.looked_at,
    will_get_it: a.will_get_it + b.will_get_it,
    after_quiet_hours: a.after_quiet_hours + b.after_quiet_hours,
    will_not: reasons,
    examples,
    problems: [...new Set([...(a.problems ?? []), ...(b.problems ?? [])])],
  }
}

export const reportQuery = (key: string, live: boolean) =>
  queryOptions({
    queryKey: ['broadcasts', key, 'report'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/broadcasts/{key}/report', { params: { path: { key } }, signal })),
    refetchInterval: live ? 2_000 : 15_000,
  })

export const previewQuery = (key: string, version: number, profile: string | undefined) =>
  queryOptions({
    queryKey: ['broadcasts', key, 'preview', version, profile],
    queryFn: ({ signal }) => ask(api.POST('/api/v1/broadcasts/{key}/preview', { params: { path: { key }, query: { version } }, body: { profile: profile ?? '' }, signal })),
    enabled: profile !== undefined,
    retry: false,
  })

/** destinationsQuery are those that broadcasts may go through. */
export const destinationsQuery = queryOptions({
  queryKey: ['destinations', 'broadcasts'],
  queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/destinations', { params: { query: { limit: 500 } }, signal }))).items.filter((d) => d.broadcasts && d.live_version !== null),
})

export const typesQuery = queryOptions({
  queryKey: ['destination-types'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/destination-types', { signal })),
  staleTime: 300_000,
})

/** rulesQuery says what holds for all broadcasts. */
export const rulesQuery = queryOptions({
  queryKey: ['broadcast-rules'],
  queryFn: ({ signal }) => call<{ document?: { approval?: boolean } }>('/api/v1/broadcast-rules', { signal }),
  staleTime: 60_000,
})

export function useBroadcastChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({
    mutationFn: change,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['broadcasts'] }), queries.invalidateQueries({ queryKey: ['versions'] })]),
  })
}

export const putBroadcast = (key: string, document: Document, create = false): Promise<Broadcast> =>
  ask(api.PUT('/api/v1/broadcasts/{key}', { params: { path: { key }, header: create ? { 'If-None-Match': '*' } : {} }, body: document as never }))
