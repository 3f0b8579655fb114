import { useQueryClient } from '@tanstack/react-query'
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react'
import type { ReactNode } from 'react'
import { call, onSessionLost, setSecretKey } from '~/shared/api/client'
import { problemOf } from '~/shared/api/problem'
import { useLocale } from '~/shared/i18n'
import { cameIn } from './refused'

/** Who is signed in. */
export interface Member {
  id: string
  name: string
  email?: string
  roles: string[]
  /** whether it may ask to see what is personal; what a key sees is not masked */
  mayUnmask: boolean
}

type Session = 'unknown' | 'out' | Member

interface Access {
  session: Session
  /** the server does not answer; it is asked again */
  away: boolean
  signIn: (email: string, password: string) => Promise<void>
  signInWithKey: (key: string) => Promise<void>
  signInWithPasskey: () => Promise<void>
  signInFirst: (first: { token: string; name: string; email: string; password: string }) => Promise<void>
  signOut: () => Promise<void>
}

const path = '/api/v1/session'

interface SessionAnswer {
  member: { id: string; name: string; email: string; roles?: string[] }
  may_unmask?: boolean
  /** where the browser signs out at the provider too */
  sign_out_url?: string
}

const AccessContext = createContext<Access | undefined>(undefined)

export function useSession(): Access {
  const access = useContext(AccessContext)
  if (!access) throw new Error('no session around this')
  return access
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session>('unknown')
  const [away, setAway] = useState(false)
  const queries = useQueryClient()

  const enter = useCallback((answer: SessionAnswer) => {
    const { member } = answer
    setSession({ id: member.id, name: member.name, email: member.email, roles: member.roles ?? [], mayUnmask: answer.may_unmask === true })
  }, [])
  const come = useCallback((answer: SessionAnswer) => {
    cameIn()
    enter(answer)
  }, [enter])
  const leave = useCallback(() => {
    setSecretKey(undefined)
    setSession('out')
    queries.clear()
  }, [queries])

  // What the server said is asked again in the new language.
  const { language } = useLocale()
  const said = useRef(language)
  useEffect(() => {
    if (said.current === language) return
    said.current = language
    void queries.invalidateQueries()
  }, [language, queries])

  useEffect(() => {
    onSessionLost(() => setSession((now) => (now === 'unknown' ? now : 'out')))
    let stop = false
    const look = async (): Promise<void> => {
      try {
        const answer = await call<SessionAnswer>(path)
        if (!stop) enter(answer)
      } catch (e) {
        if (stop) return
        const { code, status } = problemOf(e)
        if (code === 'unreachable' || status === 503) {
          setAway(true)
          setTimeout(() => void look(), 2000)
          return
        }
        setSession('out')
      }
      setAway(false)
    }
    void look()
    return () => {
      stop = true
    }
  }, [enter])

  const access = useMemo<Access>(
    () => ({
      session,
      away,
      signIn: async (email, password) => come(await call<SessionAnswer>(path, { method: 'POST', body: { email, password } })),
      signInWithPasskey: async () => {
        const { showPasskey } = await import('./passkey')
        const { ticket, options } = await call<{ ticket: string; options: unknown }>(`${path}/passkey/begin`, { method: 'POST' })
        come(await call<SessionAnswer>(`${path}/passkey`, { method: 'POST', body: { ticket, credential: await showPasskey(options) } }))
      },
      signInFirst: async (first) => come(await call<SessionAnswer>(`${path}/first`, { method: 'POST', body: first })),
      signInWithKey: async (key) => {
        setSecretKey(key)
        try {
          await call('/api/v1/accounting')
        } catch (e) {
          setSecretKey(undefined)
          throw e
        }
        setSession({ id: '', name: '', roles: [], mayUnmask: false })
      },
      signOut: async () => {
        const there = session !== 'unknown' && session !== 'out' && session.id ? (await call<SessionAnswer>(path).catch(() => undefined))?.sign_out_url : undefined
        await call(path, { method: 'DELETE' }).catch(() => undefined) // a key has no session to end
        if (there) return location.assign(there)
        leave()
      },
    }),
    [session, away, come, leave],
  )
  return <AccessContext value={access}>{children}</AccessContext>
}
