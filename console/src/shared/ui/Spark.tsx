import type { CSSProperties } from 'react'

/**
 * Spark is a small line chart. What it shows has to stand beside it in words:
 * the label is its summary for those who cannot see it.
 */
export function Spark(props: { points: readonly { x: number; y: number }[]; label: string; className?: string | undefined; style?: CSSProperties }) {
  const { points } = props
  const [width, height] = [600, 120]
  const first = points[0]?.x ?? 0
  const last = points.at(-1)?.x ?? 1
  const most = Math.max(1e-9, ...points.map((p) => p.y))
  const at = (p: { x: number; y: number }): string =>
    `${((p.x - first) / Math.max(1, last - first)) * width} ${height - 4 - (p.y / most) * (height - 12)}`
  const line = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${at(p)}`).join('')
  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={props.label} className={props.className} style={props.style}>
      <line x1="0" x2={width} y1={height - 4} y2={height - 4} stroke="var(--rp-line)" vectorEffect="non-scaling-stroke" />
      {points.length > 1 && (
        <>
          <path d={`${line}L${width} ${height - 4}L0 ${height - 4}Z`} fill="var(--mantine-primary-color-filled)" opacity="0.1" />
          <path d={line} fill="none" stroke="var(--mantine-color-anchor)" strokeWidth="1.75" vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
        </>
      )}
    </svg>
  )
}
