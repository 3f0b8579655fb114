import { expect, it } from 'vitest'
import { namesOf, namesText, saysNoTo, withSignal, without } from './document'
import type { Document } from './document'

const d: Document = {
  purposes: [{ key: 'advertising', names: { de: 'Werbung: alles' } }, { key: 'marketing' }],
  sources: [{ source: '*', purpose: 'marketing', mode: 'anonymous' }],
}

it('knows what signals mean where nothing is said', () => {
  expect(saysNoTo(d, 'gpc')).toEqual(['advertising'])
  expect(saysNoTo({ purposes: [{ key: 'marketing' }] }, 'gpc')).toEqual([])
  expect(saysNoTo({ ...d, signals: { gpc: ['marketing'] } }, 'dnt')).toEqual([])
})

it('says of both signals what is changed of one', () => {
  expect(withSignal(d, 'gpc', ['marketing']).signals).toEqual({ gpc: ['marketing'], dnt: ['advertising'] })
})

it('takes a purpose out wherever it is named', () => {
  expect(without({ ...d, signals: { gpc: ['marketing', 'advertising'] } }, 'marketing')).toEqual({ purposes: [d.purposes[0]], sources: [], signals: { gpc: ['advertising'], dnt: [] } })
})

it('writes and reads names in other languages', () => {
  expect(namesText(d.purposes[0]!)).toEqual(['de: Werbung: alles'])
  expect(namesOf(['de: Werbung: alles', 'fr', ':x', 'it : Pubblicità'])).toEqual({ de: 'Werbung: alles', it: 'Pubblicità' })
})
