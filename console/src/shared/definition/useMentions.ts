import { useQuery } from '@tanstack/react-query'
import { call } from '~/shared/api/client'
import { mentions } from './mentions'

/** User is a definition that would notice a change of another one. */
export interface User {
  name: string
  href?: string
}

interface Item {
  key: string
  name?: string
  document?: { name?: string }
}

// Whatever may ask for something else, with the screen that shows it, if one does.
// Apart are those whose lists have no documents: each is asked for.
const lists: { path: string; href?: (key: string) => string; apart?: true }[] = [
  { path: '/api/v1/alerts', apart: true },
  { path: '/api/v1/broadcasts', href: (key) => `/broadcasts/${key}` },
  { path: '/api/v1/destinations', href: (key) => `/destinations/${key}` },
  { path: '/api/v1/offers', href: (key) => `/offers/${key}`, apart: true },
  { path: '/api/v1/experiences', href: (key) => `/experiences/${key}`, apart: true },
  { path: '/api/v1/experiments', href: (key) => `/experiments/${key}`, apart: true },
]

/** useMentions lists the definitions that have a definition's key in some of their members. */
export function useMentions([kind, key]: readonly [kind: string, key: string], members: readonly string[]): User[] {
  const found = useQuery({
    queryKey: [kind, key, 'users'],
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      // A list that somebody may not see has nothing that they could be told of.
      const all = await Promise.all(
        lists.map(async ({ path, href, apart }): Promise<User[]> => {
          try {
            const { items } = await call<{ items: Item[] }>(`${path}?limit=500`, { signal })
            const whole = apart ? await Promise.all(items.map(({ key: of }) => call<Item>(`${path}/${encodeURIComponent(of)}`, { signal }))) : items
            return whole.filter((d) => mentions(d, members, key)).map((d) => ({ name: d.name || d.document?.name || d.key, ...(href ? { href: href(d.key) } : {}) }))
          } catch {
            return []
          }
        }),
      )
      return all.flat()
    },
  })
  return found.data ?? []
}
