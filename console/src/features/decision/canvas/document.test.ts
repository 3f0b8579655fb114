import { describe, expect, it } from 'vitest'
import { prepare } from './document'

const bare = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="n" namespace="x">
  <inputData id="a" name="a"/><decision id="d" name="d"><informationRequirement><requiredInput href="#a"/></informationRequirement></decision></definitions>`

describe('prepare', () => {
  it('gives every box and every arrow a place, in the edition that the editor reads', () => {
    const out = prepare(bare)
    expect(out).not.toContain('20230324')
    expect(out.match(/<dmndi:DMNShape/g)).toHaveLength(2)
    expect(out.match(/<dmndi:DMNEdge/g)).toHaveLength(1)
    expect(out.match(/waypoint/g)).toHaveLength(2)
  })
  it('leaves places that are there alone', () => {
    expect(prepare(prepare(bare))).toBe(prepare(bare))
  })
  it('leaves what is no XML to the editor, which says so', () => {
    expect(prepare('<a')).toBe('<a')
  })
})
