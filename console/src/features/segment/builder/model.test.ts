import { describe, expect, test } from 'vitest'
import { fresh, group, isGroup, leafNode, move, update } from './model'
import type { Node } from './model'
import { read } from './read'
import { unfinished, write, writeRoot } from './write'

const types = (n: Node): string[] => (isGroup(n) ? n.children.flatMap(types) : [n.leaf.type])

// What is read and written again says the same, and is then stable.
describe('conditions', () => {
  const cases: [string, unknown, string, unknown?][] = [
    ['a trait', { trait: 'plan', value: 'gold' }, 'trait', { trait: 'plan', op: '=', value: 'gold' }],
    ['a trait there or not', { trait: 'plan', exists: false }, 'trait', { trait: 'plan', exists: false }],
    ['a list', { trait: 'city', in: ['Wien', 'Graz'] }, 'trait', { trait: 'city', op: 'in', value: ['Wien', 'Graz'] }],
    ['a range', { trait: 'age', min: 18, max: 30 }, 'trait', { trait: 'age', op: 'between', from: 18, to: 30 }],
    ['a consent alone', { consent: 'marketing' }, 'consent', { consent: 'marketing', op: '=', value: 'granted' }],
    ['a device', { device: 'type', value: 'mobile', seen: 'first' }, 'context', { context: 'device.type', op: '=', value: 'mobile', seen: 'first' }],
    ['a profile field', { profile: 'event_count', min: 5 }, 'profile', { profile: 'event_count', op: '>=', value: 5 }],
    ['last seen', { last_seen: { within: '30d' } }, 'profile', { profile: 'last_seen', op: 'within', value: '30d' }],
    ['an event', { event: 'Product Viewed', within: '30d' }, 'event', { event: 'Product Viewed', window: { last: '30d' } }],
    ['a counted event', { event: 'A', where: { total: { min: 50 } }, count: { min: 2 } }, 'event', { event: 'A', where: [{ property: 'total', op: '>=', value: 50 }], count: { op: '>=', value: 2 } }],
    ['a sum', { event: 'A', sum: { property: 'total', min: 5 } }, 'event', { event: 'A', sum: { property: 'total', op: '>=', value: 5 } }],
    ['an item', { item: { attribute: 'category', value: 'Shoes' }, action: 'View Item' }, 'item', { action: 'View Item', item: { attribute: 'category', op: '=', value: 'Shoes' } }],
    ['orders', { order: {}, sum: { currency: 'EUR', min: 100 }, within: '90d' }, 'order', { order: {}, sum: { currency: 'EUR', op: '>=', value: 100 }, window: { last: '90d' } }],
    ['lines of orders', { order_item: {}, item: 'S1', sum: { property: 'quantity', min: 3 } }, 'order_item', { order_item: {}, item: { id: { op: '=', value: 'S1' } }, sum: { property: 'quantity', op: '>=', value: 3 } }],
    ['a sequence', { event: 'A', not_followed_by: { event: 'B' }, within: '2d' }, 'sequence', { sequence: [{ event: 'A' }, { event: 'B', absent: true }], within: '2d' }],
    ['a calendar', { event: 'A', window: { this: 'month', zone: 'Europe/Berlin' } }, 'event', { event: 'A', window: { this: 'month', zone: 'Europe/Berlin' } }],
    ['days', { event: 'A', window: { from: '2026-01-01', to: '2026-02-01' } }, 'event', { event: 'A', window: { from: '2026-01-01', to: '2026-02-01' } }],
    ['an affinity', { affinity: 'category', value: 'Shoes', share: { min: 40 } }, 'affinity', { affinity: 'category', value: 'Shoes', share: { min: 40 } }],
    ['a segment', { segment: 'vip' }, 'segment', { segment: 'vip' }],
    ['FEEL', { feel: 'traits.age > 30' }, 'feel', { feel: 'traits.age > 30' }],
    ['what no form knows', { event: 'A', window: { calendar: 'day', periods: 7 } }, 'other', { event: 'A', window: { calendar: 'day', periods: 7 } }],
    ['a member that no form knows', { event: 'A', type: 'track' }, 'other', { event: 'A', type: 'track' }],
  ]
  test.each(cases)('%s', (_, condition, type, written) => {
    const root = read(condition)
    expect(types(root)).toEqual([type])
    expect(unfinished(root)).toBe(0)
    expect(writeRoot(root)).toEqual(written)
    expect(writeRoot(read(written))).toEqual(written)
  })

  test('groups and their negations, to any depth', () => {
    const condition = { all: [{ any: [{ segment: 'a' }, { not: { segment: 'b' } }] }, { none: [{ segment: 'c' }, { segment: 'd' }] }, { not: { all: [{ segment: 'e' }, { segment: 'f' }] } }] }
    expect(write(read(condition))).toEqual(condition)
    expect(writeRoot(read({ not: { not: { segment: 'a' } } }))).toEqual({ segment: 'a' })
    expect(writeRoot(read({ not: { segment: 'a' } }))).toEqual({ not: { segment: 'a' } })
  })

  test('a leaf that is not finished is left out and counted', () => {
    const open = leafNode(fresh('trait'))
    const root = group('all', [open, leafNode({ type: 'segment', key: 'vip' }), group('any')])
    expect(unfinished(root)).toBe(2)
    expect(writeRoot(root)).toEqual({ segment: 'vip' })
    expect(write(group('all'))).toBeUndefined()
  })

  test('nodes are changed, moved and removed where they are', () => {
    const [a, b] = [leafNode({ type: 'segment', key: 'a' }), leafNode({ type: 'segment', key: 'b' })]
    const root = group('all', [group('any', [a, b])])
    expect(write(move(root, b.id, -1))).toEqual({ all: [{ any: [{ segment: 'b' }, { segment: 'a' }] }] })
    expect(move(root, a.id, -1)).toEqual(root)
    expect(write(update(root, a.id, () => undefined) as Node)).toEqual({ all: [{ any: [{ segment: 'b' }] }] })
  })
})
