import { expect, test } from 'vitest'
import { sorted } from './DataTable'
import type { Column } from './DataTable'

interface Row {
  name: string
  size: number
}

test('rows are sorted as people read them, equal ones in their order', () => {
  const columns: Column<Row>[] = [
    { key: 'name', header: 'Name', width: '1fr', cell: (r) => r.name, by: (r) => r.name },
    { key: 'size', header: 'Size', width: '1fr', cell: (r) => r.size, by: (r) => r.size },
    { key: 'none', header: 'None', width: '1fr', cell: () => '' },
  ]
  const rows = [{ name: 'b 10', size: 2 }, { name: 'Ä', size: 10 }, { name: 'b 9', size: 2 }]
  const names = (by: string, descending = false) => sorted(rows, columns, { by, descending }).map((r) => r.name)
  expect(names('name')).toEqual(['Ä', 'b 9', 'b 10'])
  expect(names('size')).toEqual(['b 10', 'b 9', 'Ä'])
  expect(names('size', true)).toEqual(['Ä', 'b 10', 'b 9'])
  expect(names('none')).toEqual(['b 10', 'Ä', 'b 9'])
})
