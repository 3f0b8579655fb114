import { expect, it } from 'vitest'
import { nameOf, questionsRight, withOptions } from './Questions'

it('names answers, keeps the values behind options and finds what is missing', () => {
  expect(nameOf('Wie war’s? Größe & mehr')).toBe('wie_war_s_grosse_mehr')
  expect(withOptions([{ value: 1, label: 'One' }, 2], ['2', 'One', 'new'])).toEqual([2, { value: 1, label: 'One' }, 'new'])
  expect(questionsRight([{ name: 'a' }, { name: 'b', type: 'choice', options: ['x'] }])).toBe(true)
  for (const wrong of [[{ name: '' }], [{ name: 'a' }, { name: 'a' }], [{ name: 'a', type: 'choice', options: [] }]]) expect(questionsRight(wrong)).toBe(false)
})
