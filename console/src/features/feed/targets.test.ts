import { describe, expect, it } from 'vitest'
import { aim, partsOf, turn } from './targets'

const mapping = { kind: 'user' as const, columns: [{ column: 'no', to: 'user_id' }, { column: 'n', to: 'trait:n', type: 'number' as const, transform: ['decimal_comma'] }] }

describe('a mapping', () => {
  it('takes targets apart', () => {
    expect([partsOf('trait:a:b'), partsOf('time')]).toEqual([{ field: 'trait:', name: 'a:b' }, { field: 'time', name: '' }])
  })
  it('keeps the type under another name, and drops it with another field', () => {
    expect(aim(mapping, 'n', 'trait:size').columns[1]).toEqual({ column: 'n', to: 'trait:size', type: 'number', transform: ['decimal_comma'] })
    expect(aim(mapping, 'n', 'identifier:card').columns[1]).toEqual({ column: 'n', to: 'identifier:card' })
  })
  it('leaves out and takes in', () => {
    expect(aim(mapping, 'n', undefined).columns).toEqual([{ column: 'no', to: 'user_id' }])
    expect(aim(mapping, 'x', 'trait:x').columns).toHaveLength(3)
  })
  it('keeps of another kind what that has', () => {
    expect(turn(mapping, 'product').columns).toEqual([])
    expect(turn(mapping, 'segment').columns).toEqual([{ column: 'no', to: 'user_id' }])
  })
})
