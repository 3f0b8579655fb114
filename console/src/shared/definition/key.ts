/** isKey tells whether the server takes a text as the key of a definition. */
export const isKey = (text: string): boolean => /^[a-z0-9][a-z0-9_-]{0,63}$/.test(text)

/** slug makes a key of a name. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
}
