import { expect, it } from 'vitest'
import { fullName, isMasked } from './name'

it('takes nothing that is masked for a name', () => {
  expect(isMasked('a•••@e•••.com')).toBe(true)
  expect(isMasked('ada@example.com')).toBe(false)
  expect(fullName({ name: 'A•••' })).toBeUndefined()
  expect(fullName({ name: 'A•••', first_name: 'Ada', last_name: 'L•••' })).toBe('Ada')
})
