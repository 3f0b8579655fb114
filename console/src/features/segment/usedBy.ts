import { useQuery } from '@tanstack/react-query'
import { call } from '~/shared/api/client'
import { segmentName, segmentsQuery } from './queries'

interface User {
  name: string
  href?: string
}

// Whatever can ask for a segment, with the screen that shows it where there is one.
const lists: { path: string; href?: (key: string) => string }[] = [
  { path: '/api/v1/broadcasts', href: (key) => `/broadcasts/${key}` },
  { path: '/api/v1/destinations' },
  { path: '/api/v1/offers' },
  { path: '/api/v1/experiences' },
  { path: '/api/v1/experiments' },
]

/** mentions looks for the segment anywhere in a definition. */
export function mentions(document: unknown, key: string): boolean {
  if (Array.isArray(document)) return document.some((d) => mentions(d, key))
  if (typeof document !== 'object' || document === null) return false
  return Object.entries(document).some(([name, v]) => {
    if (name === 'segment' && v === key) return true
    if (name === 'segments' && Array.isArray(v) && v.some((s: unknown) => s === key || (typeof s === 'object' && s !== null && 'key' in s && s.key === key))) return true
    return mentions(v, key)
  })
}

/** useUsers are the definitions that would notice a change of the segment. */
export function useUsers(key: string): User[] {
  const segments = useQuery(segmentsQuery).data?.items ?? []
  const others = useQuery({
    queryKey: ['segments', key, 'users'],
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      // A list that somebody may not see has nothing that they could be told of.
      const found = await Promise.all(
        lists.map(({ path, href }) =>
          call<{ items: { key: string; name?: string }[] }>(`${path}?limit=500`, { signal }).then(
            ({ items }) => items.filter((d) => mentions(d, key)).map((d): User => ({ name: d.name || d.key, ...(href ? { href: href(d.key) } : {}) })),
            () => [],
          ),
        ),
      )
      return found.flat()
    },
  })
  return [...segments.filter((s) => s.key !== key && mentions(s.document, key)).map((s) => ({ name: segmentName(s), href: `/segments/${s.key}` })), ...(others.data ?? [])]
}
