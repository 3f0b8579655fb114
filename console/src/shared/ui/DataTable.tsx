import { Button } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState } from 'react'
import type { CSSProperties, KeyboardEvent, MouseEvent, ReactNode } from 'react'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import css from './DataTable.module.css'

export interface Column<T> {
  key: string
  header: ReactNode
  cell: (row: T) => ReactNode
  /** a track of a CSS grid, such as minmax(180px, 2fr) or 120px */
  width: string
  end?: boolean
  /** what a row is sorted by, where all rows are there */
  by?: (row: T) => string | number
}

interface Sorting {
  by: string
  descending: boolean
}

/**
 * DataTable is a list of any length: only the rows in view are drawn. j and k
 * go through it, Enter and a click open a row. Where all rows are there, headings sort.
 */
export function DataTable<T>(props: {
  label: string
  rows: readonly T[]
  columns: readonly Column<T>[]
  rowKey: (row: T) => string
  open?: (row: T) => void
  more?: { load: () => void; loading: boolean } | undefined
  rowHeight?: number
  height?: string
}) {
  const t = useText(common)
  const { columns, more } = props
  const [sorting, sort] = useState<Sorting>()
  const rows = useMemo(() => (sorting && !more ? sorted(props.rows, columns, sorting) : props.rows), [props.rows, columns, sorting, more])
  const scroll = useRef<HTMLDivElement>(null)
  const size = props.rowHeight ?? 48
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => size, overscan: 12, initialRect: { width: 800, height: 600 } })
  const style = { '--columns': columns.map((c) => c.width).join(' '), ...(props.height ? { '--table-height': props.height } : {}) } as CSSProperties
  return (
    <div className={css.box} style={style}>
      <div className={css.scroll} ref={scroll} role="table" aria-label={props.label} aria-rowcount={rows.length + 1}>
        <div role="rowgroup">
          <div className={css.head} role="row" aria-rowindex={1}>
            {columns.map((c) => (
              <Head key={c.key} column={c} sorting={more ? undefined : sorting} onSort={more ? undefined : sort} />
            ))}
          </div>
        </div>
        <div className={css.rows} style={{ height: virtual.getTotalSize() }} role="rowgroup">
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index]
            if (row === undefined) return null
            return (
              <Row key={props.rowKey(row)} row={row} index={item.index} start={item.start} size={size} last={item.index === rows.length - 1} columns={columns} open={props.open} />
            )
          })}
        </div>
      </div>
      {more && (
        <div className={css.foot}>
          <Button variant="subtle" onClick={more.load} loading={more.loading}>
            {t('more')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** sorted gives the rows by a column: texts as people read them, equal ones in their order. */
export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], { by: key, descending }: Sorting): readonly T[] {
  const by = columns.find((c) => c.key === key)?.by
  if (!by) return rows
  const way = descending ? -1 : 1
  return rows.toSorted((a, b) => {
    const [x, y] = [by(a), by(b)]
    return way * (typeof x === 'string' && typeof y === 'string' ? x.localeCompare(y, undefined, { numeric: true }) : Number(x) - Number(y))
  })
}

function Head<T>({ column, sorting, onSort }: { column: Column<T>; sorting: Sorting | undefined; onSort: ((to: Sorting) => void) | undefined }) {
  const t = useText(common)
  const active = sorting?.by === column.key ? sorting : undefined
  const name = typeof column.header === 'string' ? column.header : column.key
  return (
    <div className={`${css.cell} ${column.end ? css.end : ''}`} role="columnheader" aria-sort={active ? (active.descending ? 'descending' : 'ascending') : undefined}>
      {column.by && onSort ? (
        <button type="button" className={css.sort} aria-label={t('columnSort', { column: name })} onClick={() => onSort({ by: column.key, descending: active ? !active.descending : false })}>
          {column.header}
          {active && (active.descending ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
        </button>
      ) : (
        column.header
      )}
    </div>
  )
}

function Row<T>(props: { row: T; index: number; start: number; size: number; last: boolean; columns: readonly Column<T>[]; open: ((row: T) => void) | undefined }) {
  const { row, open } = props
  // A click on something inside that does something of its own is not the row's.
  const own = (target: EventTarget, at: EventTarget): boolean => {
    const hit = (target as HTMLElement).closest('a, button, input, label')
    return hit === null || hit === at
  }
  const click = (e: MouseEvent): void => {
    if (open && own(e.target, e.currentTarget)) open(row)
  }
  const press = (e: KeyboardEvent): void => {
    if (open && e.key === 'Enter' && e.target === e.currentTarget) open(row)
  }
  return (
    <div
      className={css.row}
      role="row"
      aria-rowindex={props.index + 2}
      data-row
      data-open={open ? true : undefined}
      data-last={props.last || undefined}
      tabIndex={0}
      style={{ height: props.size, transform: `translateY(${props.start}px)` }}
      onClick={click}
      onKeyDown={press}
    >
      {props.columns.map((c) => (
        <div key={c.key} role="cell" className={`${css.cell} ${c.end ? css.end : ''}`}>
          {c.cell(row)}
        </div>
      ))}
    </div>
  )
}
