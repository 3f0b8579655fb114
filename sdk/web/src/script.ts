// The library for a script tag. The server writes the settings before it.
import { rapport } from './index'
import type { Client, Config } from './types'

declare const RAPPORT: Config & { base: string }

type Call = [method: string, ...args: unknown[]]
const page = window as unknown as { rapport?: Client | Call[] }
const before = page.rapport
// A page that has the script twice has one client.
if (!before || Array.isArray(before)) {
  const { base, ...config } = RAPPORT
  const url = new URL(base, (document.currentScript as HTMLScriptElement).src).href
  const c = (page.rapport = rapport({ url, ...config }))
  // What the page wanted before the script was there.
  for (const [method, ...args] of before || []) {
    ;(c as unknown as { [name: string]: (...args: unknown[]) => void })[method]?.(...args)
  }
}
