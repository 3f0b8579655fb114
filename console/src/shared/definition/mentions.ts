/** mentions looks for a key anywhere in a definition, in the members that hold such keys. */
export function mentions(document: unknown, members: readonly string[], key: string): boolean {
  if (Array.isArray(document)) return document.some((d) => mentions(d, members, key))
  if (typeof document !== 'object' || document === null) return false
  return Object.entries(document).some(([name, v]) => (members.includes(name) && names(v, key)) || mentions(v, members, key))
}

/** names tells whether a member is a key, or has it in its list: plain, or in an object. */
function names(v: unknown, key: string): boolean {
  if (Array.isArray(v)) return v.some((x: unknown) => x === key || (typeof x === 'object' && x !== null && 'key' in x && x.key === key))
  return v === key
}
