// A small part of ICU's message format: {name}, {count, plural, one {…} other {…}}
// and {kind, select, a {…} other {…}}. # is the number inside a plural.

export type Values = Record<string, string | number>

type Part = string | { name: string; cases?: Record<string, Part[]>; plural?: boolean } | { hash: true }

const parsed = new Map<string, Part[]>()

// To make one takes longer than to write a whole message with it.
const numbers = new Map<string, Intl.NumberFormat>()
const rules = new Map<string, Intl.PluralRules>()

function made<T>(known: Map<string, T>, locale: string, make: (locale: string) => T): T {
  const found = known.get(locale) ?? make(locale)
  known.set(locale, found)
  return found
}

const numberIn = (locale: string, n: number): string => made(numbers, locale, (l) => new Intl.NumberFormat(l)).format(n)

export function format(locale: string, message: string, values: Values = {}): string {
  let parts = parsed.get(message)
  if (!parts) {
    parts = new Reader(message).all()
    parsed.set(message, parts)
  }
  return write(parts, locale, values)
}

/** placeholders lists the names that a message takes, sorted. */
export function placeholders(message: string): string[] {
  const names = new Set<string>()
  const visit = (parts: Part[]): void => {
    for (const part of parts) {
      if (typeof part === 'string' || 'hash' in part) continue
      names.add(part.name)
      for (const inner of Object.values(part.cases ?? {})) visit(inner)
    }
  }
  visit(new Reader(message).all())
  return [...names].sort()
}

function write(parts: Part[], locale: string, values: Values, hash?: number): string {
  let out = ''
  for (const part of parts) {
    if (typeof part === 'string') out += part
    else if ('hash' in part) out += numberIn(locale, hash ?? 0)
    else out += writeOne(part, locale, values)
  }
  return out
}

function writeOne(part: { name: string; cases?: Record<string, Part[]>; plural?: boolean }, locale: string, values: Values): string {
  const value = values[part.name]
  if (value === undefined) return `{${part.name}}`
  if (!part.cases) return typeof value === 'number' ? numberIn(locale, value) : value
  if (!part.plural) return write(part.cases[String(value)] ?? part.cases.other ?? [], locale, values)
  const n = Number(value)
  const chosen = part.cases[`=${n}`] ?? part.cases[made(rules, locale, (l) => new Intl.PluralRules(l)).select(n)] ?? part.cases.other
  return write(chosen ?? [], locale, values, n)
}

class Reader {
  private at = 0
  constructor(private readonly text: string) {}

  all(): Part[] {
    const parts = this.parts(false)
    if (this.at < this.text.length) throw new Error(`unexpected } in the message: ${this.text}`)
    return parts
  }

  private parts(inPlural: boolean): Part[] {
    const out: Part[] = []
    let literal = ''
    const flush = (): void => {
      if (literal) out.push(literal)
      literal = ''
    }
    for (; this.at < this.text.length; this.at++) {
      const c = this.text[this.at]
      if (c === '}') break
      if (c === '{') {
        flush()
        out.push(this.argument())
      } else if (c === '#' && inPlural) {
        flush()
        out.push({ hash: true })
      } else literal += c
    }
    flush()
    return out
  }

  private argument(): Part {
    const end = this.text.slice(this.at).search(/[,}]/) + this.at
    const name = this.text.slice(this.at + 1, end).trim()
    this.at = end
    if (this.text[end] === '}') return { name }
    const kind = /^,\s*(plural|select)\s*,/.exec(this.text.slice(end))
    if (!kind) throw new Error(`unknown argument in the message: ${this.text}`)
    this.at = end + kind[0].length
    const cases: Record<string, Part[]> = {}
    for (;;) {
      const head = /^\s*(=?\w+)\s*\{/.exec(this.text.slice(this.at))
      if (!head?.[1]) break
      this.at += head[0].length
      cases[head[1]] = this.parts(kind[1] === 'plural')
      this.at++
    }
    if (!cases.other) throw new Error(`no other in the message: ${this.text}`)
    this.at += this.text.slice(this.at).indexOf('}')
    return { name, cases, plural: kind[1] === 'plural' }
  }
}
