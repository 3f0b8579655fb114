// The plug-in for what asks and tells: feedback forms, and notifications beside
// the page's own content. Nothing of what a decision brings becomes markup or
// code; answers go back as events, with the decision that asked.
import { safe } from './safe'
import type { Client, Decision, Fields, Json } from './types'

const rapport = (window as unknown as { rapport: Client }).rapport

// Nothing here is more specific than a site's own rules.
const look = `
:where(.rapport-notification){position:fixed;z-index:2147483000;right:16px;bottom:16px;box-sizing:border-box;width:min(360px,calc(100vw - 32px));
max-height:calc(100vh - 32px);overflow:auto;padding:16px 40px 16px 16px;border-radius:8px;background:#fff;color:#222;box-shadow:0 4px 24px rgba(0,0,0,.25)}
:where(.rapport-notification[data-at$=left]){right:auto;left:16px}:where(.rapport-notification[data-at^=top]){bottom:auto;top:16px}
:where(.rapport-notification img){max-width:100%}:where(.rapport-close){position:absolute;top:4px;right:4px;width:32px;height:32px;border:0;background:none;font-size:20px;cursor:pointer}
:where(.rapport-form label,.rapport-form fieldset,.rapport-notification>*){display:block;margin:0 0 8px}:where(.rapport-form fieldset){border:0;padding:0}
:where(.rapport-form fieldset label){display:inline-block;margin-right:12px}:where(.rapport-form textarea,.rapport-form input:not([type=radio],[type=checkbox])){display:block;width:100%;box-sizing:border-box}`
try {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(look)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
} catch {
  // An old browser: without a look.
}

// The most that is asked in one form, and that one answer may be.
const maxFields = 50
const maxAnswer = 2000

const isFields = (v: Json | undefined): v is Fields => !!v && typeof v == 'object' && !Array.isArray(v)
const text = (v: Json | undefined, otherwise = '') => (typeof v == 'string' || typeof v == 'number' ? String(v) : otherwise)

const make = <K extends keyof HTMLElementTagNameMap>(tag: K, words = '', name = '') => {
  const e = document.createElement(tag)
  if (words) e.textContent = words
  if (name) e.className = name
  return e
}

let forms = 0

// Each kind of field gives its elements and reads its answer; undefined: none
// was given.
type Asked = { shown: HTMLElement; answer: () => Json | undefined }

const choice = (f: Fields, label: string, name: string): Asked => {
  const rating = f.type == 'rating'
  const list: Json[] = rating ? Array.from({ length: Math.min(Number(f.max) || 5, 10) }, (_, i) => i + 1) : Array.isArray(f.options) ? f.options.slice(0, maxFields) : []
  const box = make('fieldset')
  box.append(make('legend', label))
  const inputs = list.map((o) => {
    const value = isFields(o) ? o.value : o
    const input = make('input')
    Object.assign(input, { type: 'radio', name, value: text(value), required: !!f.required })
    const line = make('label')
    line.append(input, ' ' + text(isFields(o) ? (o.label ?? o.value) : o))
    box.append(line)
    return { input, value }
  })
  return { shown: box, answer: () => inputs.find((x) => x.input.checked)?.value }
}

const field = (f: Fields, name: string): Asked => {
  const label = text(f.label, text(f.name))
  if (f.type == 'choice' || f.type == 'rating') return choice(f, label, name)
  const box = make('label', label)
  const input = make(f.type == 'textarea' ? 'textarea' : 'input')
  const kind = ['email', 'number', 'checkbox'].includes(f.type as string) ? (f.type as string) : 'text'
  if (input instanceof HTMLInputElement) input.type = kind
  input.required = !!f.required
  input.maxLength = maxAnswer
  box.append(' ', input)
  const answer = () => {
    if (kind == 'checkbox') return (input as HTMLInputElement).checked
    return input.value == '' ? undefined : kind == 'number' ? Number(input.value) : input.value
  }
  return { shown: box, answer }
}

// form asks. What is sent is an event of its own and the acceptance of what
// asked; both name the decision.
const form = (c: Fields, d: Decision): HTMLElement => {
  const box = make('form', '', 'rapport-form')
  const asked: [string, Asked][] = []
  const prefix = `rapport-${++forms}-`
  for (const f of (Array.isArray(c.fields) ? c.fields : []).slice(0, maxFields)) {
    if (!isFields(f) || !text(f.name)) continue
    const a = field(f, prefix + text(f.name))
    asked.push([text(f.name), a])
    box.append(a.shown)
  }
  const send = make('button', text(c.submit, 'Send'))
  send.type = 'submit'
  box.append(send)
  // To fill in a form is not to follow it.
  box.addEventListener('click', (e) => e.stopPropagation())
  box.addEventListener('submit', (e) => {
    e.preventDefault()
    const answers: Fields = {}
    for (const [name, a] of asked) answers[name] = a.answer()
    const o = d.items?.[0]?.track || d.track
    if (!d.preview) {
      rapport.track(text(c.event, 'Feedback Submitted'), { ...o, answers })
      if (o) rapport.track(o.offer ? 'Offer Accepted' : 'Experience Accepted', o)
    }
    const thanks = make('p', text(c.thanks, 'Thank you.'))
    thanks.setAttribute('role', 'status')
    box.replaceWith(thanks)
  })
  return box
}

const content = (d: Decision) => {
  const c = d.items?.[0] ? d.items[0].content : d.content
  return isFields(c) ? c : undefined
}

// words are what both kinds have: a title and a text.
const words = (c: Fields) => [...(text(c.title) ? [make('strong', text(c.title))] : []), ...(text(c.text) ? [make('p', text(c.text))] : [])]

rapport.render('form', (place, d) => {
  const c = content(d)
  if (!c || !Array.isArray(c.fields)) return false
  place.replaceChildren(...words(c), form(c, d))
  return true
})

rapport.render('notification', (place, d) => {
  const c = content(d)
  if (!c || !(text(c.title) || text(c.text))) return false
  const box = make('div', '', 'rapport-notification')
  box.setAttribute('role', 'status')
  if (/^(top|bottom)-(left|right)$/.test(text(c.position))) box.dataset.at = text(c.position)
  const close = make('button', '×', 'rapport-close')
  close.type = 'button'
  close.setAttribute('aria-label', text(c.close, 'Close'))
  close.dataset.rapportDismiss = ''
  box.append(close)
  if (safe('src', text(c.image)) && text(c.image)) {
    const img = make('img')
    img.src = text(c.image)
    img.alt = ''
    box.append(img)
  }
  box.append(...words(c))
  if (text(c.url) && safe('href', text(c.url))) {
    const a = make('a', text(c.label, text(c.url)))
    a.href = text(c.url)
    box.append(a)
  }
  if (Array.isArray(c.fields)) box.append(form(c, d))
  place.replaceChildren(box)
  const seconds = Number(c.seconds)
  if (seconds > 0) setTimeout(() => box.contains(document.activeElement) || box.remove(), seconds * 1000)
  return box
})
