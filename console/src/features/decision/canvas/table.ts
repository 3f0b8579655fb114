import type { Moddle, Services } from './types'

/**
 * addColumn gives a table a column that looks at a name. An empty column takes
 * the name; rules that are there fit whatever it says.
 */
export function addColumn(factory: Services['drdFactory'], table: Moddle, name: string): void {
  const inputs = table.input ?? []
  const texts = inputs.map((i) => i.inputExpression?.text?.trim() ?? '')
  if (name && texts.includes(name)) return
  const empty = inputs[texts.indexOf('')]
  if (name && empty?.inputExpression) {
    empty.inputExpression.text = name
    return
  }
  const column = factory.create('dmn:InputClause')
  const expression = factory.create('dmn:LiteralExpression', { text: name })
  expression.$parent = column
  column.inputExpression = expression
  column.$parent = table
  table.set('input', [...inputs, column])
  for (const rule of table.rule ?? []) {
    const entry = factory.create('dmn:UnaryTests', { text: '-' })
    entry.$parent = rule
    rule.set('inputEntry', [...(rule.inputEntry ?? []), entry])
  }
}
