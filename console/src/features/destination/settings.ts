// What the forms of settings know beyond the schemas: what comes first, what
// belongs together, and what one can begin with.
import type { Document, SettingsSchema } from './queries'

type Settings = Record<string, unknown>

// What everybody fills in; all the rest is folded away.
const first: Record<string, string[]> = {
  email: ['host', 'port', 'security', 'user', 'password', 'from', 'to', 'subject', 'html'],
  files: ['target', 'folder', 'format', 'audience', 's3'],
  http: ['method', 'url', 'body', 'auth'],
  kafka: ['brokers', 'topic', 'mechanism', 'user', 'password'],
  nats: ['url', 'subject', 'user', 'password'],
  postgres: ['url', 'password', 'table', 'key', 'columns'],
  segment: ['url', 'write_key'],
  slack: ['url', 'text'],
  sms: ['url', 'channel', 'to', 'from', 'text', 'auth'],
  webhook: ['url', 'secrets'],
}

/** parted tells what of the settings stands open from what is folded away. */
export function parted(type: string, schema: SettingsSchema): { open: string[]; folded: string[] } {
  const names = Object.keys(schema.properties ?? {})
  const known = first[type] ?? schema.required ?? []
  return { open: known.filter((n) => names.includes(n)), folded: names.filter((n) => !known.includes(n)) }
}

// Members that mean something only beside a certain value of another one.
const only: Record<string, (s: Settings) => boolean> = {
  's3': (s) => s.target === 's3',
  'kafka.user': (s) => (s.mechanism ?? 'none') !== 'none',
  'kafka.password': (s) => (s.mechanism ?? 'none') !== 'none',
  'sms.title': (s) => s.channel === 'push',
  'auth.header': (s) => s.kind === 'key',
  'auth.prefix': (s) => s.kind === 'key',
  'auth.query': (s) => s.kind === 'key',
  'auth.user': (s) => s.kind === 'basic' || s.kind === 'oauth',
  'auth.token_url': (s) => s.kind === 'oauth',
  'auth.scope': (s) => s.kind === 'oauth',
  'auth.secret': (s) => (s.kind ?? 'none') !== 'none',
}

/** matters tells whether a member means something beside the others. */
export const matters = (owner: string, name: string, beside: Settings): boolean => (only[`${owner}.${name}`] ?? only[name])?.(beside) ?? true

export const long = ['html', 'text', 'blocks', 'body', 'ca_certificate', 'credentials']

/** beginningOf is what one can begin with: with it the most common wish needs no reading. */
export function beginningOf(type: string): Settings {
  if (type === 'email') return { to: '{{ identifiers.email }}' }
  if (type === 'sms') return { to: '{{ identifiers.phone }}' }
  if (type === 'slack') return { text: '{{ message.kind }}: {{ identifiers.email | default: "somebody" }}' }
  if (type === 'webhook') return { secrets: [newSecret()] }
  return {}
}

/** newSecret makes a shared secret as Standard Webhooks writes it. */
export const newSecret = (): string => `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24))))}`

/** bare tells, as the server does, that nothing but broadcasts and alerts goes through a destination. */
export const bare = (d: Document): boolean =>
  Boolean((d.broadcasts || d.alerts) && !d.experiences && !d.events && !d.segments?.length && !d.audience && !d.profile)

/** Line is a member of an object while it is written: of two with one name neither is lost. */
export type Line = readonly [name: string, value: string]

const isLines = (v: unknown): v is Line[] => Array.isArray(v) && v.length > 0 && v.every(Array.isArray)

/** linesOf gives the lines of an object, as it is kept or as it is written. */
export const linesOf = (v: unknown): Line[] => (isLines(v) ? v : Object.entries((v ?? {}) as Record<string, string>))

// A line of which nothing is written yet says nothing.
const said = (lines: Line[]): Line[] => lines.filter(([n, v]) => n !== '' || v !== '')

/** twice is the name that more than one line has. */
export function twice(lines: Line[]): string | undefined {
  const names = said(lines).map(([n]) => n)
  return names.find((n, i) => names.indexOf(n) !== i)
}

/** saysTwice tells whether some object has a name twice: it cannot be sent. */
export const saysTwice = (value: Settings): boolean =>
  Object.values(value).some((v) => (isLines(v) ? twice(v) !== undefined : typeof v === 'object' && v !== null && !Array.isArray(v) && saysTwice(v as Settings)))

/** tidy leaves out what is empty: the server tells that from what is left out. Lines become objects. */
export function tidy(value: Settings): Settings {
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, of]): [string, unknown][] => {
      const v = isLines(of) ? Object.fromEntries(said(of)) : of
      if (v === '' || v === undefined || v === null || (Array.isArray(v) && v.length === 0)) return []
      if (typeof v !== 'object' || Array.isArray(v)) return [[k, v]]
      const inner = tidy(v as Settings)
      return Object.keys(inner).length > 0 ? [[k, inner]] : []
    }),
  )
}
