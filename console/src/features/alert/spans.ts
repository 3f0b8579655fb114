/** millis reads a time span as the server writes it, such as 1h30m; what is none is nothing. */
export function millis(span: string): number {
  const unit: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  let sum = 0
  for (const [, n, u] of span.matchAll(/([\d.]+)(ms|s|m|h)/g)) sum += Number(n) * (unit[u as string] ?? 0)
  return sum
}

const units = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000], ['millisecond', 1]] as const

/** spanText says a time span in the largest unit that it is a whole number of. */
export function spanText(language: string, span: string): string {
  const ms = millis(span)
  const [unit, size] = units.find(([, s]) => ms > 0 && ms % s === 0) ?? ['millisecond', 1]
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(ms / size)
}
