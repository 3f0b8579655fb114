import type { Schema } from '~/shared/api/client'

export type Purpose = Schema['Purpose']
export type SourceRule = Schema['SourceRule']

/** Document is a consent policy: what data is used for, what events need, what signals say no to. */
export interface Document {
  purposes: Purpose[]
  sources?: SourceRule[]
  signals?: { gpc?: string[]; dnt?: string[] }
}

export const signals = ['gpc', 'dnt'] as const
export type Signal = (typeof signals)[number]

/** what both signals say no to where a policy says nothing */
const unsaid = ['advertising']

/** saysNoTo gives the purposes that a signal says no to. */
export function saysNoTo(d: Document, signal: Signal): string[] {
  const said = d.signals ? (d.signals[signal] ?? []) : unsaid
  return said.filter((key) => d.purposes.some((p) => p.key === key))
}

/** withSignal changes what one signal says no to; what the other says is then said, too. */
export function withSignal(d: Document, signal: Signal, to: string[]): Document {
  return { ...d, signals: { gpc: saysNoTo(d, 'gpc'), dnt: saysNoTo(d, 'dnt'), [signal]: to } }
}

/** without takes a purpose out, with all that names it. */
export function without(d: Document, key: string): Document {
  const keep = (list: string[] | undefined): string[] => (list ?? []).filter((k) => k !== key)
  return {
    ...d,
    purposes: d.purposes.filter((p) => p.key !== key),
    ...(d.sources ? { sources: d.sources.filter((s) => s.purpose !== key) } : {}),
    ...(d.signals ? { signals: { gpc: keep(d.signals.gpc), dnt: keep(d.signals.dnt) } } : {}),
  }
}

/** namesText and namesOf write names in other languages as tags, such as “de: Angebote”, and read them. */
export const namesText = (p: Purpose): string[] => Object.entries(p.names ?? {}).map(([language, name]) => `${language}: ${name}`)

export function namesOf(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => tag.split(/:(.*)/s).map((x) => x.trim())).flatMap(([language, name]) => (language && name ? [[language, name]] : [])))
}
