import { expect, it } from 'vitest'
import { ctrlEnter } from './ctrlEnter'

it('does it once, at Ctrl-Enter or ⌘-Enter and at nothing else', () => {
  const press = (busy: boolean, of: { key?: string; ctrlKey?: boolean; metaKey?: boolean }): [number, boolean] => {
    let [done, taken] = [0, false]
    ctrlEnter(() => { done++ }, busy)({ key: 'Enter', ctrlKey: false, metaKey: false, preventDefault: () => { taken = true }, ...of })
    return [done, taken]
  }
  expect(press(false, { ctrlKey: true })).toEqual([1, true])
  expect(press(false, { metaKey: true })).toEqual([1, true])
  expect(press(true, { ctrlKey: true })).toEqual([0, true])
  expect(press(false, {})).toEqual([0, false])
  expect(press(false, { ctrlKey: true, key: 'a' })).toEqual([0, false])
})
