import { useQuery } from '@tanstack/react-query'
import { everyDocument } from './everyDocument'
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

// Whatever may ask for something else, with the screen that shows it.
// whole are those whose lists have documents in any case.
const lists: { path: string; href: (key: string) => string; whole?: true }[] = [
  { path: '/api/v1/alerts', href: (key) => `/alerts/${key}` },
  { path: '/api/v1/broadcasts', href: (key) => `/broadcasts/${key}`, whole: true },
  { path: '/api/v1/destinations', href: (key) => `/destinations/${key}`, whole: true },
  { path: '/api/v1/offers', href: (key) => `/offers/${key}` },
  { path: '/api/v1/placements', href: (key) => `/placements/${key}` },
  { path: '/api/v1/experiences', href: (key) => `/experiences/${key}` },
  { path: '/api/v1/experiments', href: (key) => `/experiments/${key}` },
]

/** useMentions lists the definitions that have a definition's key in some of their members. */
export function useMentions([kind, key]: readonly [kind: string, key: string], members: readonly string[]): User[] {
  const found = useQuery({
    queryKey: [kind, key, 'users'],
    queryFn: async ({ signal }) => {
      // A list that somebody may not see has nothing that they could be told of.
      const all = await Promise.all(
        lists.map(async ({ path, href, whole: has }): Promise<User[]> => {
          try {
            const whole = await everyDocument<Item>(path, signal, has ? '' : undefined)
            return whole.filter((d) => mentions(d, members, key)).map((d) => ({ name: d.name || d.document?.name || d.key, href: href(d.key) }))
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
