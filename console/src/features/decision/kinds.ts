// What the boxes of a decision model are to those who draw them, and how that is
// written in DMN. Every logic is plain FEEL, so that other editors keep it whole.

/** Kind is what a box is. */
export type Kind = 'input' | 'connection' | 'table' | 'template' | 'script' | 'prediction' | 'formula' | 'offers' | 'function' | 'other'

/** addable are the kinds that the toolbar offers, in this order. */
export const addable = ['input', 'connection', 'table', 'formula', 'template', 'script', 'prediction', 'offers'] as const
export type Addable = (typeof addable)[number]

/** Logic is what a decision's expression means. */
export type Logic =
  | { kind: 'template'; text: string }
  | { kind: 'script'; source: string; reads: string[] }
  | { kind: 'prediction'; model: string; reads: Record<string, string> }
  | { kind: 'formula'; text: string }

const quoted = '"(?:[^"\\\\]|\\\\.)*"'
const call = (language: string, field: string): RegExp =>
  new RegExp(`^\\{\\s*run:\\s*function\\(([^)]*)\\)\\s*external\\s*\\{\\s*${language}:\\s*\\{\\s*${field}:\\s*(${quoted})\\s*\\}\\s*\\},\\s*result:\\s*run\\(([^)]*)\\)\\s*\\}\\.result$`, 's')
const scripted = call('javascript', 'source')
const predicted = call('predictive', 'model')
const inserted = /^\(if (.+) = null then "" else string\((.+)\)\)$/s

const list = (text: string | undefined): string[] => (text ?? '').split(',').map((s) => s.trim()).filter(Boolean)
const unquote = (text: string): string => {
  try {
    return JSON.parse(text) as string
  } catch {
    return text.slice(1, -1)
  }
}

/** readLogic says what an expression is. */
export function readLogic(text: string): Logic {
  const whole = text.trim()
  const script = scripted.exec(whole)
  if (script) return { kind: 'script', source: unquote(script[2] ?? '""'), reads: list(script[3]) }
  const prediction = predicted.exec(whole)
  if (prediction) {
    const [names, values] = [list(prediction[1]), list(prediction[3])]
    return { kind: 'prediction', model: unquote(prediction[2] ?? '""'), reads: Object.fromEntries(names.map((n, i) => [n, values[i] ?? n])) }
  }
  const template = readTemplate(whole)
  return template === undefined ? { kind: 'formula', text } : { kind: 'template', text: template }
}

/** writeLogic is the expression. */
export function writeLogic(l: Logic): string {
  if (l.kind === 'template') return writeTemplate(l.text)
  if (l.kind === 'script') return external(l.reads.map(identifier), 'javascript', 'source', l.source, l.reads)
  if (l.kind === 'prediction') return external(Object.keys(l.reads), 'predictive', 'model', l.model, Object.values(l.reads))
  return l.text
}

function external(names: string[], language: string, field: string, value: string, reads: string[]): string {
  return `{ run: function(${names.join(', ')}) external { ${language}: { ${field}: ${JSON.stringify(value)} } }, result: run(${reads.join(', ')}) }.result`
}

/** identifier is a name as JavaScript can write it: "Order count" is order_count. */
export function identifier(name: string): string {
  const out = name.trim().replace(/[^\p{L}\p{N}_$]+/gu, '_').replace(/^(\d)/, '_$1')
  return out === name.trim() ? out : out.toLowerCase()
}

// A template is a text with names in braces; in FEEL a sum of texts.
function writeTemplate(text: string): string {
  const parts: string[] = []
  for (const piece of text.split(/(\{[^{}]+\})/)) {
    if (/^\{[^{}]+\}$/.test(piece)) {
      const name = piece.slice(1, -1).trim()
      parts.push(`(if ${name} = null then "" else string(${name}))`)
    } else if (piece) parts.push(JSON.stringify(piece))
  }
  // The text comes first: that is what tells a template from a formula.
  return parts[0]?.startsWith('"') ? parts.join(' + ') : ['""', ...parts].join(' + ')
}

function readTemplate(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined
  let out = ''
  let rest = text
  for (;;) {
    const literal = /^"(?:[^"\\]|\\.)*"/s.exec(rest)?.[0]
    const value = literal === undefined ? /^\(if .+? = null then "" else string\(.+?\)\)/s.exec(rest)?.[0] : undefined
    const piece = literal ?? value
    if (piece === undefined) return undefined
    if (literal !== undefined) out += unquote(literal)
    else {
      const [, a, b] = inserted.exec(piece) ?? []
      if (a === undefined || a !== b) return undefined
      out += `{${a}}`
    }
    rest = rest.slice(piece.length).trimStart()
    if (rest === '') return out
    if (!rest.startsWith('+')) return undefined
    rest = rest.slice(1).trimStart()
  }
}
