interface Identifier {
  namespace: string
  value: string
}

// What people are best told apart by, best first.
const telling = ['email', 'phone', 'user_id']

/** nameOf is what a person is called in a list: the most telling identifier. */
export function nameOf(identifiers: readonly Identifier[], id: string): string {
  for (const namespace of telling) {
    const found = identifiers.find((i) => i.namespace === namespace)
    if (found) return found.value
  }
  return identifiers[0]?.value ?? id
}

/** calledOf is what somebody who was searched for is called: by name where it may be seen. */
export function calledOf(p: { id: string; full_name?: string | undefined; identifiers: readonly Identifier[] }): string {
  return p.full_name && !isMasked(p.full_name) ? p.full_name : nameOf(p.identifiers, p.id)
}

/** isMasked tells whether the server hid some of a text: this sign stands nowhere else. */
export const isMasked = (text: string): boolean => text.includes('•••')

/** fullName is the person's name where traits have one that may be seen. */
export function fullName(traits: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (!traits) return undefined
  const text = (key: string): string => (typeof traits[key] === 'string' && !isMasked(traits[key]) ? traits[key].trim() : '')
  const whole = text('name') || [text('first_name') || text('firstName'), text('last_name') || text('lastName')].filter(Boolean).join(' ')
  return whole || undefined
}

/** initials are the two letters of an avatar. */
export function initials(name: string): string {
  const words = name.split(/[\s._@-]+/).filter(Boolean)
  return ((words[0]?.[0] ?? '?') + (words[1]?.[0] ?? '')).toUpperCase()
}

/** refOf lets one type an address as it is. */
export function refOf(typed: string): string {
  const text = typed.trim()
  return text.includes(':') || !text.includes('@') ? text : `email:${text}`
}
