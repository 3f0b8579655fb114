import { useFormats } from '~/shared/i18n'

interface Row {
  name: string
  estimate: number | null
  low: number | null
  high: number | null
}

const [left, width, line] = [150, 800, 36]

/**
 * Intervals draw how far each variant is from the control, with what it may be.
 * The table beneath has the same in numbers.
 */
export function Intervals({ rows, lessIsBetter, label }: { rows: readonly Row[]; lessIsBetter: boolean; label: string }) {
  const f = useFormats()
  const far = Math.max(0.02, ...rows.flatMap((r) => [r.low, r.high, r.estimate]).map((x) => (x === null ? 0 : Math.min(Math.abs(x), 2))))
  const at = (x: number): number => left + ((Math.max(-far, Math.min(far, x)) + far) / (2 * far)) * (width - left - 24)
  const height = rows.length * line + 28
  const tone = (r: Row): string => {
    const better = (x: number | null, y: number | null): boolean => (lessIsBetter ? y !== null && y < 0 : x !== null && x > 0)
    const worse = (x: number | null, y: number | null): boolean => (lessIsBetter ? x !== null && x > 0 : y !== null && y < 0)
    return better(r.low, r.high) ? 'var(--rp-good)' : worse(r.low, r.high) ? 'var(--rp-bad)' : 'var(--mantine-color-dimmed)'
  }
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} style={{ width: '100%', maxWidth: 900, display: 'block' }}>
      {[-1, -0.5, 0, 0.5, 1].map((part) => (
        <g key={part}>
          <line x1={at(part * far)} x2={at(part * far)} y1={4} y2={height - 22} stroke={part === 0 ? 'var(--mantine-color-dimmed)' : 'var(--rp-line)'} strokeDasharray={part === 0 ? undefined : '3 3'} />
          <text x={at(part * far)} y={height - 6} textAnchor="middle" fontSize={12} fill="var(--mantine-color-dimmed)">{part > 0 ? '+' : ''}{f.percent(part * far)}</text>
        </g>
      ))}
      {rows.map((r, i) => {
        const y = 4 + i * line + line / 2
        return (
          <g key={r.name}>
            <text x={0} y={y + 4} fontSize={13} fill="var(--mantine-color-text)">{r.name.length > 20 ? `${r.name.slice(0, 19)}…` : r.name}</text>
            <line x1={at(r.low ?? -far)} x2={at(r.high ?? far)} y1={y} y2={y} stroke={tone(r)} strokeWidth={8} strokeLinecap="round" opacity={0.35} />
            {r.estimate !== null && <circle cx={at(r.estimate)} cy={y} r={6} fill={tone(r)} stroke="var(--rp-surface)" strokeWidth={2} />}
          </g>
        )
      })}
    </svg>
  )
}
