import { expect, it } from 'vitest'
import { importQuery, importsQuery, lookQuery, reportQuery } from './queries'

it('does not look at a file again because something was imported', () => {
  const file = new File(['a;b'], 'a.csv')
  expect(lookQuery(file, undefined).queryKey[0]).not.toBe(importsQuery.queryKey[0])
  for (const q of [importQuery('1'), reportQuery('1', 2)]) expect(q.queryKey[0]).toBe(importsQuery.queryKey[0])
})
