/** sizeText says a number of bytes in a unit that people read. */
export function sizeText(language: string, bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  let at = 0
  let n = bytes
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024
    at++
  }
  return new Intl.NumberFormat(language, { style: 'unit', unit: units[at] ?? 'byte', maximumFractionDigits: n < 10 ? 1 : 0 }).format(n)
}
