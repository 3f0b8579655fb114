// The durable queue: events are kept where they survive the page until the
// server has them. Each has a key of its own in the storage, so that two tabs
// never overwrite one another. What is sent twice counts once there: the server
// knows events by message id. It never looks into an event.

/** Where events survive the page. Nothing of it throws. */
export interface Store {
  get(key: string): string | null
  set(key: string, value: string): void
  remove(key: string): void
  keys(): string[]
}

/** What became of a request. Status 0: no answer. */
export interface Sent {
  status: number
  retryAfter?: number // seconds
}

export interface Road {
  send(path: string, body: string): Promise<Sent>
  later(todo: () => void, ms: number): void
  now(): number
  random(): number
}

const prefix = 'q.'
// A page that is left may have 64 KiB under way; the rest of the body needs a few.
const maxBytes = 60_000
// Before what was sent when a page was left, and nobody was there to hear that
// it arrived.
const mark = '!'
const maxEvents = 100
/** How many events are kept; beyond it the oldest go. */
export const maxKept = 1000
/** The largest event that the server takes, in bytes. */
export const maxEvent = 32_000
const longest = 60_000

export interface Queue {
  add(id: string, event: object): boolean
  /** Take over what other pages left. */
  adopt(): void
  flush(now?: boolean, query?: string): Promise<void>
  wipe(): void
}

const bytes = (text: string) => new TextEncoder().encode(text).length

export function queue(key: string, store: Store, road: Road, wait: number): Queue {
  let waiting = new Map<string, string>()
  const underWay = new Set<string>()
  const unheard = new Set<string>()
  let failures = 0
  let only = maxEvents // 1 where the server refused a batch: to find out which event it was
  let refused = false
  let planned = false
  let notBefore = 0
  let closedUntil = 0 // the server said so
  let sending: Promise<void> = Promise.resolve()

  const drop = (id: string) => {
    waiting.delete(id)
    unheard.delete(id)
    store.remove(prefix + id)
  }

  const schedule = (ms: number) => {
    if (planned) return
    planned = true
    road.later(() => {
      planned = false
      flush()
    }, ms)
  }

  const take = (leaving?: boolean) => {
    const ids: string[] = []
    let size = 0
    for (const [id, text] of waiting) {
      // A page that stays hears the answer; one that is left need not repeat.
      if (underWay.has(id) || (leaving && unheard.has(id))) continue
      size += bytes(text)
      if (ids.length >= only || (ids.length && size > maxBytes)) break
      ids.push(id)
    }
    return ids
  }

  const settle = (ids: string[], { status, retryAfter }: Sent) => {
    if (status >= 200 && status < 300) {
      ids.forEach(drop)
      failures = 0
      if (only < 2) only = maxEvents
    } else if (status == 401 || status == 403) {
      refused = true // nothing that this page could do would help
    } else if (status == 400 || status == 413) {
      if (ids.length < 2) ids.forEach(drop)
      only = 1
    } else {
      const backoff = Math.min(1000 * 2 ** failures++, longest) * (0.5 + road.random() / 2)
      closedUntil = road.now() + (retryAfter || 0) * 1000
      notBefore = Math.max(road.now() + backoff, closedUntil)
    }
  }

  const once = async (query: string, leaving?: boolean) => {
    const ids = take(leaving)
    if (!ids.length) return false
    if (leaving) {
      for (const id of ids) {
        unheard.add(id)
        store.set(prefix + id, mark + waiting.get(id))
      }
    }
    ids.forEach((id) => underWay.add(id))
    const list = ids.map((id) => waiting.get(id)).join()
    const head = JSON.stringify({ writeKey: key, sentAt: new Date(road.now()).toISOString() }).slice(0, -1)
    const sent = await road.send('b' + query, `${head},"batch":[${list}]}`)
    ids.forEach((id) => underWay.delete(id))
    settle(ids, sent)
    return true
  }

  const run = async (query: string) => {
    // What is under way comes to an end, and so does this: each turn removes
    // events or sets the time of the next try.
    while (!refused && road.now() >= notBefore && (await once(query)));
    if (take().length && !refused) schedule(Math.max(notBefore - road.now(), wait))
  }

  // flush sends one batch after the other. Now: at once beside what is under
  // way, because the page is being left; but not where the server asked to wait.
  const flush = (now?: boolean, query = ''): Promise<void> => {
    if (!now) return (sending = sending.then(() => run(query)))
    return refused || road.now() < closedUntil ? sending : once(query, true).then(() => undefined)
  }

  return {
    add(id, event) {
      const text = JSON.stringify(event)
      if (bytes(text) > maxEvent) return false
      waiting.set(id, text)
      store.set(prefix + id, text)
      if (waiting.size > maxKept) drop(waiting.keys().next().value as string)
      schedule(wait)
      return true
    },
    adopt() {
      const all = store.keys().filter((name) => name.startsWith(prefix)).sort()
      for (const name of all.slice(0, -maxKept)) store.remove(name)
      const before = waiting
      waiting = new Map()
      for (const name of all.slice(-maxKept)) {
        const id = name.slice(prefix.length)
        const text = store.get(name)
        if (!text) continue
        const marked = text[0] == mark
        if (marked) unheard.add(id)
        waiting.set(id, marked ? text.slice(1) : text)
      }
      before.forEach((text, id) => waiting.set(id, text))
      if (waiting.size) schedule(0)
    },
    flush,
    wipe() {
      waiting.forEach((_, id) => drop(id))
      for (const name of store.keys()) if (name.startsWith(prefix)) store.remove(name)
    },
  }
}
