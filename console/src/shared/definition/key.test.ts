import { expect, it } from 'vitest'
import { isKey, slug } from './key'

it('makes keys of names', () => {
  expect(slug('  Größe & Café 1 ')).toBe('grosse-cafe-1')
  for (const name of ['Our CRM', 'a'.repeat(90), '10 % off', 'É']) expect(isKey(slug(name)), name).toBe(true)
  for (const text of ['', '-a', '_a', 'A', 'a b', 'a.b', 'a'.repeat(65)]) expect(isKey(text), text).toBe(false)
})
