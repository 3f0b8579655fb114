import { describe, expect, it } from 'vitest'
import { inPlainWords, readProblem } from './problem'

describe('what a problem says to people', () => {
  it.each([
    ['there is no segment "vip": PUT /api/v1/segments/vip makes one', 'there is no segment "vip".'],
    ['Mit dem Schlüssel "vip" gibt es hier nichts (segment). PUT /api/v1/segments/vip legt es an.', 'Mit dem Schlüssel "vip" gibt es hier nichts (segment).'],
    ['Die Aussendung "mai" gibt es nicht: PUT /api/v1/broadcasts/mai legt sie an.', 'Die Aussendung "mai" gibt es nicht.'],
    ['nobody is known by "GET /x"', 'nobody is known by "GET /x"'],
    ['"vip" has no version 7: it has 1 to 3', '"vip" has no version 7: it has 1 to 3'],
    ['', ''],
  ])('%s', (detail, said) => expect(inPlainWords(detail)).toBe(said))
})

describe('how a sentence of the server begins', () => {
  it.each([
    ['there is no segment "vip"', 'There is no segment "vip"'],
    ['übrig ist nichts', 'Übrig ist nichts'],
    ['user_id:u-1 is known', 'user_id:u-1 is known'],
    ['"vip" has no version 7', '"vip" has no version 7'],
    ['', ''],
  ])('%s', (detail, said) => expect(readProblem(400, { detail, errors: [{ field: '/x', message: detail }] }, null).document).toMatchObject({ detail: said, errors: [{ message: said }] }))
})
