import { useQuery } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'

/** Sample is the rate over the time since the sample before it. */
export interface Sample {
  at: number
  perSecond: number
}

const kept = 200
let before: { received: number; at: number } | undefined
let samples: readonly Sample[] = []

function note(received: number, at: number): void {
  if (before && at > before.at && received >= before.received) {
    samples = [...samples.slice(1 - kept), { at, perSecond: ((received - before.received) * 1000) / (at - before.at) }]
  }
  before = { received, at }
}

/** useAccounting is where every event went, looked at every few seconds. */
export function useAccounting(every = 3_000) {
  return useQuery({
    queryKey: ['accounting'],
    queryFn: async ({ signal }) => {
      const sums = await ask(api.GET('/api/v1/accounting', { signal }))
      note(sums.received, Date.now())
      return { sums, samples }
    },
    refetchInterval: every,
    staleTime: every,
  })
}

/** useEventRate is how many events arrived per second since the look before. */
export function useEventRate(): number | undefined {
  return useAccounting().data?.samples.at(-1)?.perSecond
}
