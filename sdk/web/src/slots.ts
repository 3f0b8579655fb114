// Places of a page that are filled by decisions, without innerHTML or eval. A
// place is hidden for as long as its budget; then it shows what it shows, for
// good: what is decided later than that changes nothing on this page.
//
// An animation hides a place: it ends by the clock of the frames themselves, so
// that no frame after it shows a hidden place, however late timers are. A place
// is filled only before that end, by the same clock: no frame shows it before
// and after.
import type { Inside } from './client'
import { safe } from './safe'
import type { Config, Decision, Fields, Json, Outcome } from './types'

// A decision must come so much before the end of the budget that the place is
// painted before it: three frames, in ms.
const painting = 50
const attribute = 'data-rapport-slot'
const ready = 'data-rapport-ready'

const at = (content: Json | undefined, path: string): Json | undefined =>
  path.split('.').reduce((v: Json | undefined, k) => (v && typeof v == 'object' && !Array.isArray(v) ? v[k] : undefined), content)

const plain = ['alt', 'title', 'aria-label', 'datetime', 'width', 'height', 'lang']
// What these hold runs, or looks for something that does.
const active = /^(script|style|iframe|object|embed)$/i

// bind fills an element and those in it by their attributes:
// data-rapport-text="title", data-rapport-attr="href:url,src:image".
const bind = (root: Element | DocumentFragment, content: Json | undefined) => {
  const each = (name: string, fill: (e: Element, value: string) => void) => {
    for (const e of [root as Element, ...root.querySelectorAll(`[${name}]`)]) {
      const value = e.getAttribute?.(name)
      if (value && !active.test(e.tagName)) fill(e, value)
    }
  }
  each('data-rapport-text', (e, path) => {
    const v = at(content, path)
    if (v != null) e.textContent = String(v)
  })
  each('data-rapport-attr', (e, pairs) => {
    for (const pair of pairs.split(',')) {
      const [name = '', path = ''] = pair.split(':').map((t) => t.trim())
      const v = at(content, path)
      if (v != null && (plain.includes(name) || (/^(href|src)$/.test(name) && safe(name, String(v))))) e.setAttribute(name, String(v))
    }
  })
}

// parts are what content without a form of its own is made of.
const parts = [['img', 'attr', 'src:image'], ['strong', 'text', 'title'], ['span', 'text', 'text']] as const

// simple makes elements for content that nobody made a form for.
const simple = (content: Json): Element => {
  const box = document.createElement(at(content, 'url') ? 'a' : 'div')
  if (typeof content != 'object') box.textContent = String(content)
  else {
    box.setAttribute('data-rapport-attr', 'href:url')
    for (const [tag, kind, value] of parts) {
      if (at(content, value.split(':').pop()!) == null) continue
      const e = document.createElement(tag)
      e.setAttribute('data-rapport-' + kind, value)
      box.append(e)
    }
    bind(box, content)
  }
  return box
}

interface Place {
  key: string
  element: HTMLElement
  /** When it is in sight, filled or not; 0: it is. */
  until: number
  hidden?: Animation
}

export function slots(c: Inside, config: Config): void {
  const rules = config.slots || []
  const seen = new Map<Element, Place>()
  let asked: Place[] = []

  // hide takes a place out of sight until it is ready or its time is over.
  const hide = (p: Place, from: number) => {
    if (p.until <= from) return
    const away = { visibility: 'hidden' }
    // A frame may be of a moment before the place was there.
    p.hidden = p.element.animate([away, away], { duration: p.until - from, fill: 'backwards' })
    p.hidden.startTime = from
  }

  const show = (p: Place) => {
    p.until = 0
    p.hidden?.cancel()
    p.element.setAttribute(ready, '')
  }

  const outcome = (kind: string, o: Outcome | undefined, more?: Fields) => o && c.track((o.offer ? 'Offer ' : 'Experience ') + kind, { ...o, ...more })

  // unseen reports that a decision is not shown on this page, and why.
  const unseen = (d: Decision, reason: string) => {
    if (d.preview) return
    for (const o of d.items?.length ? d.items.map((i) => i.track) : [d.track]) outcome('Not Shown', o, { reason })
  }

  // watch reports what becomes of what is shown.
  const watch = (e: Element, o: Outcome | undefined) => {
    if (!o) return
    const eye = new IntersectionObserver((list) => {
      if (!list.some((x) => x.isIntersecting)) return
      eye.disconnect()
      outcome('Viewed', o)
    }, { threshold: 0.5 })
    eye.observe(e)
    e.addEventListener('click', (event) => {
      const away = (event.target as Element).closest('[data-rapport-dismiss]')
      outcome(away ? 'Dismissed' : 'Clicked', o)
      if (away) (e as HTMLElement).style.display = 'none'
    })
  }

  const fill = (element: HTMLElement, d: Decision) => {
    const kind = d.content_type || 'json'
    const own = c.renderers.get(d.placement || '') || c.renderers.get(kind)
    if (!own && kind != 'json') return unseen(d, 'no_renderer') // without its plug-in the site does not allow it
    const items = d.items?.length ? d.items : [{ content: d.content, track: d.track }]
    // A control has nothing to show: what stands there is seen in its place.
    if (items[0]!.content == null && (d.control || !own)) return watch(element, d.track)
    const done: [Element, Outcome | undefined][] = []
    if (own) {
      const is = own(element, d)
      if (!is) return unseen(d, 'no_renderer')
      done.push([is === true ? element : is, d.items?.[0]?.track || d.track])
    } else {
      const form = element.querySelector('template')
      const bound = element.querySelector('[data-rapport-text],[data-rapport-attr]')
      if (bound && !form) {
        bind(element, items[0]!.content)
        done.push([element, items[0]!.track])
      } else {
        const made = items.map(({ content, track }) => {
          const copy = form ? (form.content.cloneNode(true) as DocumentFragment) : undefined
          if (copy) bind(copy, content)
          const e = copy?.firstElementChild || simple(content!)
          done.push([e, track])
          return e
        })
        element.replaceChildren(...(form ? [form] : []), ...made)
      }
    }
    if (!d.preview) for (const [e, o] of done) watch(e, o)
  }

  // Pictures are there before the place is shown, or it is not changed.
  const loaded = (d: Decision) =>
    Promise.all(
      (JSON.stringify(d.items || d.content || '').match(/"image":"[^"]+"/g) || []).map((pair) => {
        const { image } = JSON.parse(`{${pair}}`)
        if (!safe('src', image)) return
        const img = new Image()
        img.src = image
        return img.decode().catch(() => undefined)
      }),
    )

  const apply = async (p: Place, d: Decision) => {
    const { on = 'load', value = 0 } = d.display || {}
    if (on != 'load') {
      // Meant for later: what stands there is shown until then.
      show(p)
      const now = () => fill(p.element, d)
      if (on == 'delay') setTimeout(now, value * 1000)
      else {
        const name = on == 'exit' ? 'mouseout' : 'scroll'
        const check = (e: Event) => {
          const root = document.documentElement
          if (on == 'exit' ? (e as MouseEvent).relatedTarget || (e as MouseEvent).clientY > 0 : (scrollY / (root.scrollHeight - innerHeight || 1)) * 100 < value) return
          document.removeEventListener(name, check)
          now()
        }
        document.addEventListener(name, check)
      }
      return
    }
    await loaded(d)
    if (performance.now() < p.until) {
      fill(p.element, d)
      show(p)
    } else unseen(d, 'late')
  }

  const ask = async () => {
    const places = asked
    asked = []
    const keys = [...new Set(places.map((p) => p.key))]
    const preview = new URL(location.href).searchParams.get('rapport_preview')
    const a = await c.decide({ placements: keys, ...(preview && { preview }) })
    for (const p of places) {
      const d = a.decisions.find((x) => x.placement == p.key)
      if (d) apply(p, d)
      else show(p)
    }
  }

  const all = (selector: string) => {
    try {
      return document.querySelectorAll(selector)
    } catch {
      return [] // a selector that is none
    }
  }

  const find = () => {
    const add = (element: Element, key: string, budget: number) => {
      if (seen.has(element) || !key) return
      const now = performance.now()
      const p: Place = { key, element: element as HTMLElement, until: now + budget - painting }
      seen.set(element, p)
      try {
        hide(p, now)
      } catch {
        // An old browser: places are in sight until they are filled.
      }
      setTimeout(() => p.until && show(p), budget - painting)
      if (asked.push(p) == 1) queueMicrotask(ask)
    }
    const budget = config.budget ?? 300
    all(`[${attribute}]`).forEach((e) => add(e, e.getAttribute(attribute)!, Number(e.getAttribute('data-rapport-budget')) || budget))
    for (const r of rules) all(r.selector).forEach((e) => add(e, r.placement, r.budget_ms || budget))
  }

  find()
  new MutationObserver(find).observe(document, { childList: true, subtree: true })
}
