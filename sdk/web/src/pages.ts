// Pages: the first, those of single-page applications, and the end of each.
import { read, type Inside } from './client'

export function pages(c: Inside, report: boolean): void {
  let path = ''
  const changed = () => {
    if (path == location.pathname) return
    path = location.pathname
    if (report) c.page()
  }
  // In the head the page has no title yet.
  if (document.readyState == 'loading') document.addEventListener('DOMContentLoaded', changed)
  else changed()
  for (const name of ['pushState', 'replaceState'] as const) {
    const real = history[name]
    history[name] = function (...args) {
      real.apply(this, args)
      // The application sets its title after this.
      setTimeout(changed)
    }
  }
  addEventListener('popstate', () => setTimeout(changed))
  addEventListener('pagehide', () => {
    changed()
    c.leave()
  })
  document.addEventListener('visibilitychange', () => document.visibilityState == 'hidden' && c.leave())
  // A word in one tab holds in all.
  addEventListener('storage', (e) => {
    const said = e.key == 'rapport.consent' && read(e.newValue)
    if (said && said[0] != c.consent()) c.consent(...(said as Parameters<typeof c.consent>))
  })
  addEventListener('online', () => c.flush())
}
