import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderHook } from '@testing-library/react'
import type { ReactNode } from 'react'
import { expect, it } from 'vitest'
import { useChange } from './useChange'

const queries = new QueryClient()
const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={queries}>{children}</QueryClientProvider>

it.each([[1, 'done 2'], [0, 'failed: none']])('does what comes after %i even where what asked is gone', async (n, what) => {
  let reads: () => void = () => undefined
  const asked = new Promise<void>((begun) => {
    reads = begun
  })
  let read: () => void = () => undefined
  const { result, unmount } = renderHook(() => useChange({
    mutationFn: (v: number) => (v > 0 ? Promise.resolve(v + 1) : Promise.reject(new Error('none'))),
    onSettled: () => new Promise<void>((done) => { read = done; reads() }),
  }), { wrapper })
  const after = new Promise<string>((say) => result.current.mutate(n, { onSuccess: (to) => say(`done ${to}`), onError: (e) => say(`failed: ${e.message}`) }))
  await asked
  unmount()
  read()
  expect(await after).toBe(what)
})
