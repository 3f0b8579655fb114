import type { SpotlightActionData } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { everyDocument } from '~/shared/definition/everyDocument'
import { useLocale } from '~/shared/i18n'
import { useNavigation } from './navigation'

interface Named {
  key: string
  name?: string
  document?: { name?: string }
}

// Where there are many things with a name, by the page that lists them. whole are
// lists that have the names without being asked for documents.
const lists: Record<string, { path: string; whole?: true }> = {
  '/sources': { path: '/api/v1/sources', whole: true },
  '/segments': { path: '/api/v1/segments' },
  '/decisions': { path: '/api/v1/decision-models', whole: true },
  '/experiments': { path: '/api/v1/experiments' },
  '/experiences': { path: '/api/v1/experiences' },
  '/offers': { path: '/api/v1/offers' },
  '/placements': { path: '/api/v1/placements' },
  '/broadcasts': { path: '/api/v1/broadcasts', whole: true },
  '/destinations': { path: '/api/v1/destinations', whole: true },
  '/alerts': { path: '/api/v1/alerts' },
  '/retention': { path: '/api/v1/retention-policies' },
}

/** most is how many things the palette shows: who sees more types another letter. */
const most = 12

/** useThings finds what people made by its name or key: segments, experiments, destinations and the like. */
export function useThings(query: string): SpotlightActionData[] {
  const navigate = useNavigate()
  const { language } = useLocale()
  const pages = useNavigation()
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const { data = [] } = useQuery({
    queryKey: ['palette', 'things'],
    queryFn: async ({ signal }) => {
      // A list that somebody may not see has nothing that they could be told of.
      const all = await Promise.all(Object.entries(lists).map(async ([page, { path, whole }]) => {
        const items = await everyDocument<Named>(path, signal, whole ? '' : undefined).catch((): Named[] => [])
        return items.map((d) => ({ page, key: d.key, name: d.name || d.document?.name || d.key }))
      }))
      return all.flat()
    },
    enabled: words.length > 0,
    staleTime: 30_000,
  })
  if (words.length === 0) return []
  const fits = (text: string): boolean => words.every((w) => text.includes(w))
  return data
    .filter((d) => fits(`${d.name} ${d.key}`.toLowerCase()))
    .slice(0, most)
    .flatMap((d) => {
      const of = pages.find((p) => p.to === d.page)
      return of ? [{ id: `thing ${d.page} ${d.key}`, label: d.name, description: of.label[language], leftSection: <of.icon size={18} stroke={1.7} />, onClick: () => void navigate({ to: `${d.page}/${encodeURIComponent(d.key)}` }) }] : []
    })
}
