import { useSession } from '~/features/access/session'

/** useMayChange tells whether whoever is signed in may change what is kept; a key without the scope is told by the server. */
export function useMayChange(): boolean {
  const { session } = useSession()
  return typeof session !== 'object' || !session.id || session.roles.some((r) => r === 'privacy' || r === 'admin')
}
