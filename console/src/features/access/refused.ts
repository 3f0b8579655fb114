// What the server says when it leads back from somewhere else: a code in the
// address. It is taken out at once: a page that is loaded again does not repeat it.
const here = new URL(globalThis.location?.href ?? 'http://localhost')

/** refused is why a sign-in elsewhere did not work; empty: there was none. */
export const refused = here.searchParams.get('refused') ?? ''

if (refused) {
  here.searchParams.delete('refused')
  history.replaceState(history.state, '', here.pathname + here.search + here.hash)
}
