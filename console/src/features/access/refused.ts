// What the server says when it leads back from somewhere else: a code in the
// address. It is taken out at once: a page that is loaded again does not repeat it.
const here = new URL(globalThis.location?.href ?? 'http://localhost')
const given = here.searchParams.get('refused') ?? ''

/** codeOf is a code, never a sentence: anybody can make a link that says something. */
export const codeOf = (text: string): string => (/^[a-z0-9_]{1,64}$/.test(text) ? text : '')

let code = codeOf(given)

/** refused is why a sign-in elsewhere did not work; empty: there was none. */
export const refused = (): string => code

/** cameIn forgets that: whoever came in another way need not hear it again. */
export const cameIn = (): void => {
  code = ''
}

if (given) {
  here.searchParams.delete('refused')
  history.replaceState(history.state, '', here.pathname + here.search + here.hash)
}
