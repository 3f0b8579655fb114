import { createContext, useContext, useMemo, useState } from 'react'
import type { ReactNode } from 'react'
import { format } from './format'
import type { Values } from './format'

export const languages = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof languages

/** A catalog of messages: the same keys in every language. */
export type Catalog<K extends string> = Readonly<Record<Language, Readonly<Record<K, string>>>>

/** catalog makes one; that German has every key of English is checked by the compiler. */
export function catalog<const E extends Record<string, string>>(en: E, de: Record<keyof E, string>): Catalog<keyof E & string> {
  return { en, de }
}

export type Text<K extends string> = (key: K, values?: Values) => string

interface Locale {
  language: Language
  setLanguage: (to: Language) => void
}

const LocaleContext = createContext<Locale>({ language: 'en', setLanguage: () => undefined })
const stored = 'rapport.language'

function preferred(): Language {
  const kept = localStorage.getItem(stored)
  if (kept === 'en' || kept === 'de') return kept
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en'
}

export function LocaleProvider({ children, language: given }: { children: ReactNode; language?: Language }) {
  const [language, set] = useState<Language>(() => given ?? preferred())
  document.documentElement.lang = language
  const value = useMemo(
    () => ({
      language,
      setLanguage: (to: Language) => {
        localStorage.setItem(stored, to)
        set(to)
      },
    }),
    [language],
  )
  return <LocaleContext value={value}>{children}</LocaleContext>
}

export const useLocale = (): Locale => useContext(LocaleContext)

/** useText gives the messages of a catalog in the reader's language. */
export function useText<K extends string>(messages: Catalog<K>): Text<K> {
  const { language } = useLocale()
  return useMemo(() => (key, values) => format(language, messages[language][key], values), [language, messages])
}

/** Numbers, times and shares as the reader writes them. */
export interface Formats {
  number: (n: number) => string
  compact: (n: number) => string
  percent: (share: number) => string
  /** date and time, to the second */
  time: (at: string | number) => string
  date: (at: string | number) => string
  clock: (at: string | number) => string
  ago: (at: string | number, now?: number) => string
  /** milliseconds as a short span */
  span: (ms: number) => string
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1],
]

function formatsOf(language: Language): Formats {
  const number = new Intl.NumberFormat(language)
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 })
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 })
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' })
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium' })
  const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false })
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  return {
    number: (n) => number.format(n),
    compact: (n) => compact.format(n),
    percent: (n) => percent.format(n),
    time: (at) => time.format(new Date(at)),
    date: (at) => date.format(new Date(at)),
    clock: (at) => clock.format(new Date(at)),
    ago: (at, now = Date.now()) => {
      const seconds = Math.round((new Date(at).getTime() - now) / 1000)
      const [unit, size] = units.find(([, s]) => Math.abs(seconds) >= s) ?? ['second', 1]
      return relative.format(Math.trunc(seconds / size), unit)
    },
    span: (ms) => (ms < 1 ? `${number.format(Math.round(ms * 1000))} µs` : ms < 1000 ? `${number.format(Math.round(ms * 10) / 10)} ms` : `${number.format(Math.round(ms / 100) / 10)} s`),
  }
}

const formats: Partial<Record<Language, Formats>> = {}

export function useFormats(): Formats {
  const { language } = useLocale()
  return (formats[language] ??= formatsOf(language))
}
