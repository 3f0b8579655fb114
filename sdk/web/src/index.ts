// The library for bundlers: `import { rapport } from 'rapport-web'`.
import { platform } from './browser'
import { client } from './client'
import { link } from './link'
import { pages } from './pages'
import { slots } from './slots'
import type { Client, Config } from './types'

export type * from './types'

/**
 * Starts the library on this page. It never throws into the page for what the
 * network, the storage or the server do.
 */
export function rapport(config: Config): Client {
  const base = new URL(config.url || '/site/', location.href).href
  const c = client(config, platform(config, base))
  link(c, config.domains || [])
  slots(c, config)
  pages(c, config.pages !== false)
  return c
}
