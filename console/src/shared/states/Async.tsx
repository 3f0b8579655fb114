import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Loading } from './Loading'
import { ProblemState } from './ProblemState'

/**
 * Async shows a query's four states: loading, problem, empty, there. What was
 * there before stays while newer data is on its way.
 */
export function Async<T>(props: {
  query: UseQueryResult<T, Error>
  children: (data: T) => ReactNode
  isEmpty?: (data: T) => boolean
  empty?: ReactNode
  loading?: ReactNode
  compact?: boolean
}) {
  const { data, error, refetch } = props.query
  if (data === undefined && error) return <ProblemState error={error} retry={() => void refetch()} compact={props.compact ?? false} />
  if (data === undefined) return props.loading ?? <Loading />
  if (props.isEmpty?.(data)) return props.empty
  return props.children(data)
}
