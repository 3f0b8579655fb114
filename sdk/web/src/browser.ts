// What a browser has: storage, the server's answers, what is true of the page.
import type { Platform } from './client'
import type { Answer, Config, Fields } from './types'
import type { Sent } from './queue'

declare const VERSION: string
const prefix = 'rapport.'

const storage = () => {
  try {
    return window.localStorage
  } catch {
    return undefined // forbidden here: then nothing survives the page
  }
}

const uuid = () => {
  const b = crypto.getRandomValues(new Uint8Array(16))
  b[6] = (b[6]! & 15) | 64
  b[8] = (b[8]! & 63) | 128
  const t = Array.from(b, (n) => n.toString(16).padStart(2, '0')).join('')
  return t.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

export function platform(config: Config, base: string): Platform {
  const where = storage()
  // On a host of its own the server's cookie would be a third party's.
  const own = new URL(base).origin == location.origin

  const post = async (path: string, body: string, timeout?: number) => {
    const stop = timeout ? new AbortController() : undefined
    const timer = stop && setTimeout(() => stop.abort(), timeout)
    try {
      // As text there is no preflight; alive it outlives the page.
      return await fetch(base + path, { method: 'POST', body, keepalive: !stop, credentials: own ? 'same-origin' : 'omit', ...(stop && { signal: stop.signal }) })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    store: {
      on: true,
      get(key) {
        try {
          return (this.on && where?.getItem(prefix + key)) || null
        } catch {
          return null
        }
      },
      set(key, value) {
        try {
          if (this.on) where?.setItem(prefix + key, value)
        } catch {
          // Full, or forbidden: it is kept as long as the page.
        }
      },
      // What is to go goes, whatever may be kept.
      remove: (key) => where?.removeItem(prefix + key),
      keys: () => (where ? Object.keys(where).filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length)) : []),
    },
    uuid,
    gpc: !!(navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl,
    now: Date.now,
    random: Math.random,
    later: (todo, ms) => void setTimeout(todo, ms),
    async send(path, body): Promise<Sent> {
      try {
        const r = await post(path, body)
        return { status: r.status, retryAfter: Number(r.headers.get('Retry-After')) }
      } catch {
        return { status: 0 }
      }
    },
    async cookie(id) {
      if (!own) return
      try {
        const r = await post('id', JSON.stringify({ key: config.key, id, path: new URL(base).pathname }), 2000)
        return r.ok ? (await r.json()).id : undefined
      } catch {
        return // the script's own storage will do
      }
    },
    async ask(body, timeout): Promise<Answer> {
      try {
        const r = await post('d', body, timeout)
        if (r.ok) return await r.json()
      } catch {
        // Whoever asks has to show something whatever happens.
      }
      return { decisions: [], reason: 'failed' }
    },
    context: (): Fields => ({
      library: { name: 'rapport-web', version: VERSION },
      page: { url: location.href, path: location.pathname, search: location.search, title: document.title, referrer: document.referrer },
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: { width: screen.width, height: screen.height },
    }),
  }
}
