import createClient from 'openapi-fetch'
import type { components, operations, paths } from './schema'
import { readProblem, unreachable } from './problem'

/** Schemas are the shapes of the API's documents: Schema['SourceView']. */
export type Schema = components['schemas']

/** AnswerOf is what an operation answers with 200: AnswerOf<'get-profile'>. */
export type AnswerOf<O extends keyof operations> = operations[O] extends { responses: { 200: { content: { 'application/json': infer A } } } } ? A : never

// The secret key of somebody who signed in with one. It is in memory only and
// ends with the tab; members have a cookie that scripts cannot read.
let secretKey: string | undefined
let lost: () => void = () => undefined

export function setSecretKey(key: string | undefined): void {
  secretKey = key
}

/** onSessionLost is called when the server no longer knows who asks. */
export function onSessionLost(call: () => void): void {
  lost = call
}

/** headers are what every call carries: that no other site sent it, and the language in which the server says its own sentences. */
export function headers(): Record<string, string> {
  return { 'X-Rapport-Console': '1', 'Accept-Language': document.documentElement.lang || 'en', ...(secretKey ? { Authorization: `Bearer ${secretKey}` } : {}) }
}

/** api is the client that is made from the API's description. */
export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? 'http://localhost',
  fetch: (request: Request) => {
    for (const [name, value] of Object.entries(headers())) request.headers.set(name, value)
    return fetch(request)
  },
})

interface Answer<T> {
  data?: T | undefined
  error?: unknown
  response: Response
}

/** ask gives what was answered, or throws the problem. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw unreachable()
  }
  return given(answer)
}

function given<T>({ data, error, response }: Answer<T>): T {
  if (response.ok) return data as T
  if (response.status === 401) lost()
  throw readProblem(response.status, error, response.headers.get('X-Request-Id'))
}

/** call reaches a route that the description does not have, or has only by its form. */
export async function call<T>(path: string, init: { method?: string; body?: unknown; signal?: AbortSignal; headers?: Record<string, string> } = {}): Promise<T> {
  const json = init.body !== undefined && typeof init.body !== 'string' && !(init.body instanceof Blob)
  const answer = fetch(path, {
    method: init.method ?? 'GET',
    headers: { ...headers(), ...(json ? { 'Content-Type': 'application/json' } : {}), ...init.headers },
    ...(init.body === undefined ? {} : { body: json ? JSON.stringify(init.body) : (init.body as string | Blob) }),
    ...(init.signal ? { signal: init.signal } : {}),
  }).then(async (response): Promise<Answer<T>> => {
    const text = await response.text()
    let data: unknown = text
    if (/json/.test(response.headers.get('Content-Type') ?? '')) {
      try {
        data = text ? JSON.parse(text) : undefined
      } catch {
        data = undefined
      }
    }
    return response.ok ? { data: data as T, response } : { error: data, response }
  })
  return ask(answer)
}

/** file fetches what is no document, to be kept as a file. */
export async function file(path: string): Promise<Blob> {
  let response: Response
  try {
    response = await fetch(path, { headers: headers() })
  } catch {
    throw unreachable()
  }
  return response.ok ? response.blob() : given<Blob>({ error: await response.json().catch(() => undefined), response })
}
