/** nonce is what the page's own styles carry, by the content security policy. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''

// The dialogs' scroll lock looks for it under the name that webpack gave it.
Object.assign(globalThis, { __webpack_nonce__: nonce })
