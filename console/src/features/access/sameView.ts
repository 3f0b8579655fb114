/** same tells whether two addresses say the same, in whatever order. */
export function same(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((n) => a[n] === b[n])
}
