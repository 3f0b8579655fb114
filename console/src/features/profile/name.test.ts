import { expect, it } from 'vitest'
import { calledOf, fullName, isMasked } from './name'

it('takes nothing that is masked for a name', () => {
  expect(isMasked('a•••@e•••.com')).toBe(true)
  expect(isMasked('ada@example.com')).toBe(false)
  expect(fullName({ name: 'A•••' })).toBeUndefined()
  expect(fullName({ name: 'A•••', first_name: 'Ada', last_name: 'L•••' })).toBe('Ada')
})

it('calls people by their name where it may be seen', () => {
  const identifiers = [{ namespace: 'user_id', value: '7' }, { namespace: 'email', value: 'ada@example.com' }]
  expect(calledOf({ id: 'x', full_name: 'Ada Lovelace', identifiers })).toBe('Ada Lovelace')
  expect(calledOf({ id: 'x', full_name: 'A•••', identifiers })).toBe('ada@example.com')
  expect(calledOf({ id: 'x', identifiers: [] })).toBe('x')
})
