import { useQuery } from '@tanstack/react-query'
import { call } from '~/shared/api/client'

/** User is a definition that would notice a change of another one. */
export interface User {
  name: string
  href?: string
}

// Whatever may ask for something else, with the screen that shows it.
const lists: { path: string; href: (key: string) => string }[] = [
  { path: '/api/v1/broadcasts', href: (key) => `/broadcasts/${key}` },
  { path: '/api/v1/destinations', href: (key) => `/destinations/${key}` },
  { path: '/api/v1/offers', href: (key) => `/offers/${key}` },
  { path: '/api/v1/experiences', href: (key) => `/experiences/${key}` },
  { path: '/api/v1/experiments', href: (key) => `/experiments/${key}` },
]

/** useMentions lists the definitions whose documents mention something. */
export function useMentions(of: readonly string[], mentions: (document: unknown) => boolean): User[] {
  const found = useQuery({
    queryKey: [...of, 'users'],
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      // A list that somebody may not see has nothing that they could be told of.
      const all = await Promise.all(
        lists.map(({ path, href }) =>
          call<{ items: { key: string; name?: string }[] }>(`${path}?limit=500`, { signal }).then(
            ({ items }) => items.filter(mentions).map((d): User => ({ name: d.name || d.key, href: href(d.key) })),
            () => [],
          ),
        ),
      )
      return all.flat()
    },
  })
  return found.data ?? []
}
