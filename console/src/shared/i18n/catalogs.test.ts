import { describe, expect, it } from 'vitest'
import { format, placeholders } from './format'
import type { Catalog } from './index'

const modules = import.meta.glob<Record<string, unknown>>('../../**/{messages,*Messages,common}.ts', { eager: true })

function isCatalog(v: unknown): v is Catalog<string> {
  return typeof v === 'object' && v !== null && 'en' in v && 'de' in v
}

const catalogs = Object.entries(modules).flatMap(([path, exports]) =>
  Object.entries(exports).filter(([, v]) => isCatalog(v)).map(([name, v]) => [`${path} ${name}`, v as Catalog<string>] as const),
)

describe('catalogs', () => {
  it('are found', () => expect(catalogs.length).toBeGreaterThan(3))

  it.each(catalogs)('%s has every key in both languages, with the same values to fill in', (_, c) => {
    expect(Object.keys(c.de).sort()).toEqual(Object.keys(c.en).sort())
    for (const key of Object.keys(c.en)) {
      expect(c.en[key], key).not.toBe('')
      expect(c.de[key], key).not.toBe('')
      expect(placeholders(c.de[key] ?? ''), key).toEqual(placeholders(c.en[key] ?? ''))
    }
  })
})

describe('format', () => {
  it('counts as the language does', () => {
    const m = '{count, plural, =0 {no events} one {# event} other {# events}} from {who}'
    expect(format('en', m, { count: 0, who: 'a' })).toBe('no events from a')
    expect(format('en', m, { count: 1, who: 'a' })).toBe('1 event from a')
    expect(format('de', m, { count: 1234, who: 'a' })).toBe('1.234 events from a')
  })
  it('chooses', () => {
    expect(format('en', '{k, select, a {first} other {rest}}!', { k: 'z' })).toBe('rest!')
  })
  it('leaves what values say alone', () => {
    expect(format('en', '{a}', { a: '{b}<img src=x onerror=alert(1)>' })).toBe('{b}<img src=x onerror=alert(1)>')
  })
})
