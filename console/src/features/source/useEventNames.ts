import { useQueries, useQuery } from '@tanstack/react-query'
import { observedQuery, sourcesQuery } from './queries'

/** useEventNames gives the names of events that any source sent, for suggestions. */
export function useEventNames(): string[] {
  const sources = useQuery(sourcesQuery)
  const observed = useQueries({ queries: (sources.data?.items ?? []).map((s) => ({ ...observedQuery(s.key), staleTime: 60_000 })) })
  return [...new Set(observed.flatMap((q) => (q.data?.items ?? []).flatMap((e) => e.name ?? [])))].sort()
}
