import { useQueryClient } from '@tanstack/react-query'
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react'
import type { ReactNode } from 'react'
import { call, onSessionLost, setSecretKey } from '~/shared/api/client'
import { problemOf } from '~/shared/api/problem'
import { useLocale } from '~/shared/i18n'
import { cameIn } from './refused'

/** Area is a part of the product that rights are given for, as the server names them. */
export type Area =
  | 'profiles' | 'identity' | 'entities' | 'segments' | 'decisions' | 'experiments' | 'experiences' | 'broadcasts' | 'destinations'
  | 'lake' | 'privacy' | 'imports' | 'sources' | 'accounting' | 'access' | 'process'

/** scopes are what may be done in an area, each holding those before it. */
const scopes = ['read', 'write', 'admin'] as const
export type Scope = (typeof scopes)[number]
type Rights = Partial<Record<Area, Scope>>

/** Who is signed in. */
export interface Member {
  id: string
  name: string
  email?: string
  roles: string[]
  /** whether it may ask to see what is personal; what a key sees is not masked */
  mayUnmask: boolean
  /** what the roles include; a key without a scope is told so by the server */
  rights?: Rights
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
  rights?: Rights
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

/** useMay tells whether whoever is signed in may do something in an area. */
export function useMay(area: Area, scope: Scope): boolean {
  return mayIn(useAccessRights(), area, scope)
}

/** useAccessRights are the rights of whoever is signed in; undefined where the server alone knows. */
export function useAccessRights(): Rights | undefined {
  const { session } = useSession()
  return typeof session === 'object' ? session.rights : undefined
}

/** mayIn tells whether rights include a scope in an area. */
export function mayIn(rights: Rights | undefined, area: Area, scope: Scope): boolean {
  const has = rights?.[area]
  return rights === undefined || (has !== undefined && scopes.indexOf(has) >= scopes.indexOf(scope))
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session>('unknown')
  const [away, setAway] = useState(false)
  const queries = useQueryClient()

  const enter = useCallback((answer: SessionAnswer) => {
    const { member } = answer
    setSession({ id: member.id, name: member.name, email: member.email, roles: member.roles ?? [], mayUnmask: answer.may_unmask === true, ...(answer.rights ? { rights: answer.rights } : {}) })
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
