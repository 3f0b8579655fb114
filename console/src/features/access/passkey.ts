// What the server asks of a device and what the device answers, in the form of the
// standard's JSON: binary parts are base64url. Not every browser has toJSON yet.

type Bytes = Uint8Array<ArrayBuffer>

/** bytes reads base64url. */
export function bytes(text: string): Bytes {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(plain, (c) => c.charCodeAt(0))
}

/** base64url writes bytes. */
export function base64url(buffer: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

interface Descriptor {
  id: string
}

interface MakingOptions {
  challenge: string
  user: { id: string; name: string; displayName: string }
  excludeCredentials?: Descriptor[]
}

interface ShowingOptions {
  challenge: string
}

/** makePasskey has a device make one. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const o = options as MakingOptions
  const made = (await navigator.credentials.create({
    publicKey: {
      ...(o as unknown as PublicKeyCredentialCreationOptions),
      challenge: bytes(o.challenge),
      user: { ...o.user, id: bytes(o.user.id) },
      excludeCredentials: (o.excludeCredentials ?? []).map((d) => ({ ...d, type: 'public-key' as const, id: bytes(d.id) })),
    },
  })) as PublicKeyCredential
  const r = made.response as AuthenticatorAttestationResponse
  return {
    ...known(made),
    response: { clientDataJSON: base64url(r.clientDataJSON), attestationObject: base64url(r.attestationObject), transports: r.getTransports?.() ?? [] },
  }
}

/** showPasskey has a device sign in with one. */
export async function showPasskey(options: unknown): Promise<unknown> {
  const o = options as ShowingOptions
  const shown = (await navigator.credentials.get({
    publicKey: { ...(o as unknown as PublicKeyCredentialRequestOptions), challenge: bytes(o.challenge) },
  })) as PublicKeyCredential
  const r = shown.response as AuthenticatorAssertionResponse
  return {
    ...known(shown),
    response: {
      clientDataJSON: base64url(r.clientDataJSON),
      authenticatorData: base64url(r.authenticatorData),
      signature: base64url(r.signature),
      ...(r.userHandle ? { userHandle: base64url(r.userHandle) } : {}),
    },
  }
}

function known(c: PublicKeyCredential): Record<string, unknown> {
  return { id: c.id, rawId: base64url(c.rawId), type: c.type, clientExtensionResults: c.getClientExtensionResults() }
}

/** gaveUp tells somebody who closed the window of the device from what failed. */
export function gaveUp(e: unknown): boolean {
  return e instanceof DOMException && (e.name === 'NotAllowedError' || e.name === 'AbortError')
}

/** known already: the device has a passkey of this member. */
export function hasOne(e: unknown): boolean {
  return e instanceof DOMException && e.name === 'InvalidStateError'
}
