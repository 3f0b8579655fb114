import { useQuery } from '@tanstack/react-query'
import { useMentions } from '~/shared/definition/useMentions'
import type { User } from '~/shared/definition/useMentions'
import { segmentName, segmentsQuery } from './queries'

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
  const others = useMentions(['segments', key], (d) => mentions(d, key))
  return [...segments.filter((s) => s.key !== key && mentions(s.document, key)).map((s) => ({ name: segmentName(s), href: `/segments/${s.key}` })), ...others]
}
