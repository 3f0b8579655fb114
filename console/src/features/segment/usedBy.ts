import { useQuery } from '@tanstack/react-query'
import { mentions } from '~/shared/definition/mentions'
import { useMentions } from '~/shared/definition/useMentions'
import type { User } from '~/shared/definition/useMentions'
import { segmentName, segmentsQuery } from './queries'

const members = ['segment', 'segments']

/** useUsers are the definitions that would notice a change of the segment. */
export function useUsers(key: string): User[] {
  const segments = useQuery(segmentsQuery).data?.items ?? []
  const others = useMentions(['segments', key], members)
  return [...segments.filter((s) => s.key !== key && mentions(s.document, members, key)).map((s) => ({ name: segmentName(s), href: `/segments/${s.key}` })), ...others]
}
