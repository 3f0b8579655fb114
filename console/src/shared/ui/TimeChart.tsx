import { SegmentedControl, Table, useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'

export interface ChartPoint {
  at: string
  y: number
  /** what else the table says of it, one for each of its further columns */
  more?: number[]
}

/** TimeChart shows one value over time, as a chart or as a table with the same numbers. */
export function TimeChart(props: { label: string; summary: string; value: string; time: string; columns?: readonly string[]; points: readonly ChartPoint[]; table: boolean; onTable: (on: boolean) => void; height?: number }) {
  const t = useText(common)
  const f = useFormats()
  const { points, columns = [] } = props
  return (
    <div>
      <div style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center', gap: 12, marginBottom: 8, flexWrap: 'wrap' }}>
        <span style={{ color: 'var(--mantine-color-dimmed)', fontSize: 'var(--mantine-font-size-sm)' }}>{props.summary}</span>
        <SegmentedControl size="xs" aria-label={t('tableView')} value={props.table ? 'table' : 'chart'} onChange={(v) => props.onTable(v === 'table')} data={[{ value: 'chart', label: t('chart') }, { value: 'table', label: t('table') }]} />
      </div>
      {props.table ? (
        <div style={{ maxHeight: props.height ?? 260, overflow: 'auto' }} role="region" tabIndex={0} aria-label={props.label}>
          <Table stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{props.time}</Table.Th>
                <Table.Th ta="end">{props.value}</Table.Th>
                {columns.map((c) => <Table.Th key={c} ta="end">{c}</Table.Th>)}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {[...points].reverse().map((p) => (
                <Table.Tr key={p.at}>
                  <Table.Td>{f.time(p.at)}</Table.Td>
                  <Table.Td ta="end" className="rp-num">{f.number(p.y)}</Table.Td>
                  {columns.map((c, i) => <Table.Td key={c} ta="end" className="rp-num">{f.number(p.more?.[i] ?? 0)}</Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      ) : (
        <Plot points={points} label={`${props.label}. ${props.summary}`} value={props.value} height={props.height ?? 260} />
      )}
    </div>
  )
}

function Plot({ points, label, value, height }: { points: readonly ChartPoint[]; label: string; value: string; height: number }) {
  const box = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  const { language } = useLocale()
  const f = useFormats()
  useEffect(() => {
    const at = box.current
    if (!at) return
    const style = getComputedStyle(at)
    const color = (name: string): string => style.getPropertyValue(name).trim()
    const axis = { stroke: color('--mantine-color-dimmed'), grid: { stroke: color('--rp-line'), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` }
    const date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
    const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' })
    const chart = new uPlot(
      {
        width: at.clientWidth || 600,
        height,
        legend: { show: false },
        padding: [8, 12, 0, 0],
        cursor: { y: false, points: { size: 8 } },
        scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.1)] } },
        axes: [
          { ...axis, size: 32, space: 90, values: (_, ticks) => ticks.map((s) => (new Date(s * 1000).getHours() === 0 ? date : clock).format(s * 1000)) },
          { ...axis, size: 56, values: (_, ticks) => ticks.map((n) => (Number.isInteger(n) ? f.compact(n) : '')) },
        ],
        series: [{}, { label: value, stroke: color('--mantine-color-anchor'), fill: `${color('--mantine-color-anchor')}1c`, width: 2, points: { show: points.length < 3 } }],
      },
      [points.map((p) => new Date(p.at).getTime() / 1000), points.map((p) => p.y)],
      at,
    )
    const resized = new ResizeObserver(() => chart.setSize({ width: at.clientWidth, height }))
    resized.observe(at)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [points, scheme, language, value, height, f])
  return <div ref={box} role="img" aria-label={label} style={{ minHeight: height }} />
}
