import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'

/** waysQuery is how one can sign in beside address and password. */
export const waysQuery = queryOptions({
  queryKey: ['sign-in-ways'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/session/ways', { signal })),
  staleTime: 60_000,
})
