// Links between hosts of one company carry who is here. A link holds for two
// minutes, on the same browser, for the host that it leads to and only where one
// of ours leads there, so that one which is passed on, or made by somebody else,
// makes nobody somebody else.
import type { Inside } from './client'

const parameter = '_rp'
const life = 120_000

// sum is FNV-1a: it tells links apart, it keeps no secret.
const sum = (text: string) => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(36)
}

const sealed = (id: string, at: string, host: string) => sum([id, at, host, navigator.userAgent, navigator.language].join())

export function link(c: Inside, domains: string[]): void {
  const ours = (host: string) => domains.some((d) => host == d || host.endsWith('.' + d))

  c.link = (address) => {
    const url = new URL(address, location.href)
    if (c.id && c.consent() == 'granted' && url.host != location.host && ours(url.hostname)) {
      const at = Date.now().toString(36)
      url.searchParams.set(parameter, [c.id, at, sealed(c.id, at, url.hostname)].join('.'))
    }
    return url.href
  }

  const arrived = new URL(location.href)
  const [id, at, seal] = (arrived.searchParams.get(parameter) || '').split('.')
  if (id) {
    arrived.searchParams.delete(parameter)
    history.replaceState(history.state, '', arrived)
    const age = Date.now() - parseInt(at || '', 36)
    let from = ''
    try {
      from = new URL(document.referrer).hostname
    } catch {
      // The other host tells none: then it could be anybody's link.
    }
    if (Math.abs(age) < life && seal == sealed(id, at || '', location.hostname) && ours(from)) c.adopt(id)
  }

  if (domains.length) {
    const decorate = (e: Event) => {
      const a = (e.target as Element).closest?.('a[href]') as HTMLAnchorElement | null
      if (a && ours(a.hostname) && a.host != location.host) a.href = c.link(a.href)
    }
    addEventListener('mousedown', decorate, true)
    addEventListener('click', decorate, true)
    addEventListener('auxclick', decorate, true)
  }
}
