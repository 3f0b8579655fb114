// What the library takes and gives. Nothing here is more than a type.

/** Plain values, as JSON has them. */
export type Json = null | boolean | number | string | Json[] | Fields
/** Properties, traits: a JSON object. Members that are undefined are left out. */
export type Fields = { [name: string]: Json | undefined }

/**
 * What the visitor said.
 * - `pending`: nothing was said yet. Nothing is kept on the device, nothing is
 *   sent; up to 100 events wait in the memory of the page.
 * - `granted`: everything.
 * - `denied`: nothing, and what was kept on the device is gone.
 * - `cookieless`: events are sent, nothing is kept on the device, and the id
 *   ends with the page.
 */
export type ConsentState = 'pending' | 'granted' | 'denied' | 'cookieless'

/** Everything that can be set. Only `key` must be; the served script brings it. */
export interface Config {
  /** The write key of the source. */
  key: string
  /**
   * Where the library's paths are, ending in a slash: of the site's own origin,
   * so that the id lasts. Default: `/site/`; the served script knows better.
   */
  url?: string
  /** What holds until the visitor says something. Default: `granted`. */
  consent?: ConsentState
  /**
   * What holds in place of `granted` where the browser sends Global Privacy
   * Control and the visitor said nothing here. Default: `cookieless`.
   */
  gpc?: 'cookieless' | 'denied'
  /** Report a page at the start and at each change of the path. Default: true. */
  pages?: boolean
  /** Other hosts of the same company: links to them carry the id. Default: none. */
  domains?: string[]
  /** Places that are found by selector, beside elements with data-rapport-slot. */
  slots?: SlotRule[]
  /** How long a place is hidden for a decision, in ms. Default: 300. */
  budget?: number
  /** How long a decision is waited for at all, in ms. Default: 3000. */
  timeout?: number
  /** Events wait this long for others before they are sent, in ms. Default: 500. */
  wait?: number
}

/** A place that is found by selector. */
export interface SlotRule {
  placement: string
  selector: string
  budget_ms?: number
}

/** An event on its way to the server. */
export interface TrackedEvent {
  type: 'track' | 'page' | 'identify' | 'group' | 'alias'
  messageId: string
  timestamp: string
  anonymousId?: string
  userId?: string
  event?: string
  name?: string
  category?: string
  groupId?: string
  previousId?: string
  properties?: Fields
  traits?: Fields
  context: Fields
}

/** Properties that report what became of a decision. */
export type Outcome = { decision_id: string } & Fields

/** One place, decided. */
export interface Decision {
  decision_id?: string
  valid_until?: string
  placement?: string
  experience?: string
  variant?: string
  /** The others are compared with it; without content it leaves the page as it is. */
  control?: boolean
  /** Nothing was decided: show what stands on the page, or `content`. */
  fallback?: boolean
  reason?: string
  preview?: boolean
  content_type?: 'json' | 'html' | 'form' | 'notification'
  content?: Json
  items?: { offer: string; content: Json; track?: Outcome }[]
  budget_ms?: number
  display?: { on: 'load' | 'delay' | 'scroll' | 'exit'; value?: number }
  track?: Outcome
}

/** A variant of an experiment. */
export interface Variant {
  variant?: string
  value?: Json
  reason: string
  phase?: number
}

/** What is asked. */
export interface Question {
  placements?: string[]
  experiences?: string[]
  experiments?: string[]
  /** Plain values that rules see as `context.params`. */
  params?: Fields
  /** A token that shows a draft. */
  preview?: string
  /** Tokens that force variants of experiments. */
  qa?: string[]
  /** Send what waits first, and let the server see it before it decides. */
  fresh?: boolean
}

/** What is answered. It never fails: without a decision there is a reason. */
export interface Answer {
  decisions: Decision[]
  experiments?: { [key: string]: Variant }
  reason?: string
}

/** A product, by the names of Segment's e-commerce events. */
export interface Product extends Fields {
  product_id: string
  name?: string
  price?: number
  quantity?: number
  currency?: string
}

/** An order, by the names of Segment's e-commerce events. */
export interface Order extends Fields {
  order_id: string
  total?: number
  revenue?: number
  currency?: string
  products?: Product[]
}

/** Sees each event before it is kept: changes it, or gives null to drop it. */
export type Middleware = (event: TrackedEvent) => TrackedEvent | null

/**
 * Fills a place. `true` says that it shows something now; an element says that
 * this is what is to be seen, in place of the whole place.
 */
export type Renderer = (place: HTMLElement, decision: Decision) => boolean | Element

export interface Client {
  /** The id of the browser; undefined while none may be kept or is known yet. */
  readonly id: string | undefined
  track(event: string, properties?: Fields): void
  page(name?: string, properties?: Fields): void
  identify(userId: string | null, traits?: Fields): void
  group(groupId: string, traits?: Fields): void
  alias(userId: string, previousId?: string): void
  /** Forget who is here: after signing out. */
  reset(): void
  /** Without an argument: what holds. Purposes go to the server with every event. */
  consent(state?: ConsentState, purposes?: { [purpose: string]: boolean }): ConsentState
  /** Send what waits. Resolves when it was taken, or has to be tried again. */
  flush(): Promise<void>
  use(middleware: Middleware): void
  decide(question: Question): Promise<Answer>
  /** The variant of one experiment; reports the exposure. */
  experiment(key: string): Promise<Variant>
  /** Fill places of this placement, or with this content type, by a function of your own. */
  render(placement: string, renderer: Renderer): void
  /** Add the id to an address of one of `domains`, for two minutes. */
  link(address: string): string
  viewed(product: Product): void
  listed(products: Product[], list?: Fields): void
  searched(query: string): void
  added(product: Product): void
  removed(product: Product): void
  cart(products: Product[]): void
  checkout(order: Fields): void
  ordered(order: Order): void
}

/**
 * Starts the library on this page. It never throws into the page for what the
 * network, the storage or the server do.
 */
export declare function rapport(config: Config): Client

declare global {
  interface Window {
    /** The client, where the page has the script tag. */
    rapport: Client
  }
}
