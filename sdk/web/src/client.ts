// The client: who is here, what the visitor allows, what is told and asked. It
// knows no window: what a browser has comes as a Platform.
import { queue, type Queue, type Road, type Store } from './queue'
import type { Answer, Client, Config, ConsentState, Fields, Middleware, Question, Renderer, TrackedEvent, Variant } from './types'

/** What the surroundings bring. */
export interface Platform extends Road {
  /** Keeps nothing, and gives nothing, while it is off. */
  store: Store & { on: boolean }
  uuid(): string
  /** What is true of the page just now. */
  context(): Fields
  /** Whether the browser sends Global Privacy Control. */
  gpc: boolean
  /**
   * Keeps the id in a cookie of the server's, which lasts longer than a
   * script's. Of undefined: gives the one that is there, or a new one. Of null:
   * takes it away.
   */
  cookie(id: string | null | undefined): Promise<string | undefined>
  ask(body: string, timeout: number): Promise<Answer>
}

/** What parts of the library know beside what pages do. */
export interface Inside extends Client {
  renderers: Map<string, Renderer>
  /** The page is being left. */
  leave(): void
  /** A page of another host of ours said who is here. */
  adopt(id: string): void
}

const maxHeld = 100
const day = 86_400_000

/** What was kept of the visitor's word; null where nothing was, or no word. */
export const read = (text: string | null): [ConsentState, Fields?] | null => {
  try {
    return JSON.parse(text || 'null')
  } catch {
    return null
  }
}

export function client(config: Config, p: Platform): Inside {
  const { store } = p
  store.on = true
  const said = read(store.get('consent'))
  let state: ConsentState = said ? said[0] : config.consent || 'granted'
  if (!said && p.gpc && state == 'granted') state = config.gpc || 'cookieless'
  let purposes = said?.[1]

  const middlewares: Middleware[] = []
  // Events that nobody may send yet: before a word, or before the id is known.
  let held: TrackedEvent[] = []
  let id: string | undefined
  let userId: string | null = null
  let known: Promise<void> = Promise.resolve()
  let turn = 0 // of what is known: an answer of before a change is not used
  let out: Queue

  const sends = () => state == 'granted' || state == 'cookieless'

  const settle = (value: string) => {
    id = value
    store.set('id', id)
    for (const e of held) keep(e)
    held = []
  }

  // begin finds out who is here, as far as may be.
  const begin = () => {
    const mine = ++turn
    store.on = state == 'granted'
    const rest = store.keys().filter((key) => key != 'consent')
    if (!store.on && rest.length) {
      // Of a time when it was allowed.
      rest.forEach(store.remove)
      p.cookie(null)
    }
    userId ||= store.get('user')
    if (!sends()) return
    const kept = id || store.get('id')
    if (state == 'cookieless') settle(kept || p.uuid())
    else if (kept) {
      settle(kept)
      if (p.now() - Number(store.get('seen')) > day) {
        store.set('seen', String(p.now()))
        p.cookie(kept)
      }
    } else {
      known = p.cookie(undefined).then((value) => {
        if (mine != turn) return
        if (!id) settle(value || p.uuid())
        else if (value != id) p.cookie(id) // the page could not wait
      })
    }
    out.adopt()
  }

  const keep = (e: TrackedEvent) => {
    e.anonymousId = id as string
    // What waited for the word is told with it.
    if (purposes) e.context.consent = { categoryPreferences: purposes as { [k: string]: boolean } }
    out.add(e.messageId, e)
  }

  const tell = (part: Partial<TrackedEvent> & { type: TrackedEvent['type'] }) => {
    if (state == 'denied') return
    const now = p.now()
    let e: TrackedEvent | null = {
      messageId: now.toString(36) + '-' + p.uuid(),
      timestamp: new Date(now).toISOString(),
      context: p.context(),
      ...part,
    }
    if (userId && !e.userId) e.userId = userId
    if (p.gpc) e.context.gpc = true
    for (const m of middlewares) if (e) e = m(e)
    if (!e) return
    if (id && sends()) keep(e)
    else if (held.push(e) > maxHeld) held.shift()
  }

  const track = (event: string, properties: Fields = {}) => tell({ type: 'track', event, properties })

  const c: Inside = {
    renderers: new Map(),
    get id() {
      return id
    },
    track,
    page: (name, properties = {}) => tell({ type: 'page', ...(name && { name }), properties: { ...(p.context().page as Fields), ...properties } }),
    identify(user, traits = {}) {
      // Somebody else than before: not the same browser's person any more.
      if (user && userId && user != userId) c.reset()
      if (user) store.set('user', (userId = user))
      tell({ type: 'identify', traits })
    },
    group: (groupId, traits = {}) => tell({ type: 'group', groupId, traits }),
    alias: (user, previousId) => tell({ type: 'alias', userId: user, previousId: previousId || (id as string) }),
    reset() {
      store.remove('user')
      userId = null
      if (!sends()) return
      settle(p.uuid())
      if (state == 'granted') p.cookie(id)
    },
    consent(next, more) {
      if (!next) return state
      const before = state
      if (more) purposes = more
      if (next == 'denied') {
        // The no itself is told where something was told before.
        if (sends()) {
          out.wipe()
          track('Consent Changed', { state: next })
          out.flush(true)
          out.wipe()
        }
        held = []
        userId = null
      }
      if (next != before && next != 'granted') id = undefined
      state = next
      store.on = true
      store.set('consent', JSON.stringify([state, purposes]))
      begin()
      if (sends() && (next != before || more)) track('Consent Changed', { state: next })
      return state
    },
    flush: () => known.then(() => out.flush()),
    use: (m) => void middlewares.push(m),
    async decide(q: Question): Promise<Answer> {
      if (!sends()) return { decisions: [], reason: 'no_consent' }
      await known
      const { fresh, ...rest } = q
      if (fresh) await out.flush(false, '?wait=applied')
      const { page, locale } = p.context()
      const body = { writeKey: config.key, anonymousId: id, ...(userId && { userId }), language: locale, context: { page }, ...rest }
      return p.ask(JSON.stringify(body), config.timeout || 3000)
    },
    experiment: (key) => c.decide({ experiments: [key] }).then((a): Variant => a.experiments?.[key] || { reason: a.reason || 'unknown_experiment' }),
    render: (name, renderer) => void c.renderers.set(name, renderer),
    leave() {
      // An answer about the id would come too late.
      if (sends() && !id) settle(p.uuid())
      out.flush(true)
    },
    adopt(other) {
      if (!sends() || other == id) return
      const had = id || store.get('id')
      if (!had) {
        settle(other)
        if (state == 'granted') p.cookie(other)
      } else tell({ type: 'identify', traits: {}, context: { ...p.context(), externalIds: [{ id: other, type: 'anonymous_id', collection: 'users', encoding: 'none' }] } })
    },
    link: (address) => address,
    viewed: (product) => track('Product Viewed', product),
    listed: (products, list) => track('Product List Viewed', { ...list, products }),
    searched: (query) => track('Products Searched', { query }),
    added: (product) => track('Product Added', product),
    removed: (product) => track('Product Removed', product),
    cart: (products) => track('Cart Viewed', { products }),
    checkout: (order) => track('Checkout Started', order),
    ordered: (order) => track('Order Completed', order),
  }
  out = queue(config.key, store, p, config.wait ?? 500)
  begin()
  return c
}
