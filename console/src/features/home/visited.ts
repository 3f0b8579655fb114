const prefix = 'rapport.seen.'

/** markVisited notes that somebody used a screen. */
export function markVisited(what: string): void {
  localStorage.setItem(prefix + what, '1')
}

export function visited(what: string): boolean {
  return localStorage.getItem(prefix + what) === '1'
}
