import { expect, it } from 'vitest'
import { navigation } from './features'

it('has a letter of its own for every line of the navigation', () => {
  const letters = navigation.map((n) => n.letter)
  expect(letters.filter((l, i) => letters.indexOf(l) !== i)).toEqual([])
})
