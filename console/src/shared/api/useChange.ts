import { useMutation } from '@tanstack/react-query'
import type { UseMutationOptions } from '@tanstack/react-query'

interface Then<R> {
  onSuccess?: (answer: R) => void
  onError?: (error: Error) => void
}

/**
 * useChange is useMutation for changes that read again what they changed. What was
 * read may take away what asked, such as the form of a former version or a button
 * for what has just been done: what comes after is done all the same.
 */
export function useChange<R, V>(options: UseMutationOptions<R, Error, V>) {
  const change = useMutation(options)
  const { mutateAsync } = change
  const mutate = (v: V, { onSuccess, onError = () => undefined }: Then<R> = {}): void => void mutateAsync(v).then(onSuccess, onError)
  return { ...change, mutate }
}
