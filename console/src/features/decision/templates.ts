// What a new model begins with. Names are FEEL names: they stand in formulas.

const head = (name: string, body: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="model" name="${escape(name)}" namespace="https://rapport/models">
${body}
</definitions>
`

function escape(text: string): string {
  return text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`)
}

const input = (id: string, name: string, type?: string): string => `  <inputData id="${id}" name="${name}"><variable id="${id}_v" name="${name}"${type ? ` typeRef="${type}"` : ''}/></inputData>`
const needs = (id: string, kind: 'Input' | 'Decision'): string => `<informationRequirement id="need_${id}"><required${kind} href="#${id}"/></informationRequirement>`
const rule = (id: string, when: string[], then: string): string =>
  `      <rule id="${id}">${when.map((w, i) => `<inputEntry id="${id}_${i}"><text>${escape(w)}</text></inputEntry>`).join('')}<outputEntry id="${id}_o"><text>${escape(then)}</text></outputEntry></rule>`
const column = (id: string, text: string, type?: string): string => `      <input id="${id}"><inputExpression id="${id}_e"${type ? ` typeRef="${type}"` : ''}><text>${text}</text></inputExpression></input>`

function table(id: string, name: string, uses: string[], columns: string[], rules: string[]): string {
  return `  <decision id="${id}" name="${name}"><variable id="${id}_v" name="${name}"/>${uses.join('')}
    <decisionTable id="${id}_t" hitPolicy="FIRST">
${columns.join('\n')}
      <output id="${id}_out" name=""/>
${rules.join('\n')}
    </decisionTable>
  </decision>`
}

const literal = (id: string, name: string, uses: string[], text: string): string =>
  `  <decision id="${id}" name="${name}"><variable id="${id}_v" name="${name}"/>${uses.join('')}<literalExpression id="${id}_l"><text>${escape(text)}</text></literalExpression></decision>`

export const templates = ['offer', 'discount', 'message', 'empty'] as const
export type Template = (typeof templates)[number]

const bodies: Record<Template, string> = {
  offer: [
    input('segments', 'segments'),
    input('orders', 'order_count', 'number'),
    table('next_offer', 'Next offer', [needs('segments', 'Input'), needs('orders', 'Input')], [column('c1', 'segments'), column('c2', 'order_count', 'number')], [
      rule('r1', ['list contains(?, "vip")', '-'], '"invitation to the early sale"'),
      rule('r2', ['-', '>= 2'], '"free delivery"'),
      rule('r3', ['-', '-'], '"ten percent off the first order"'),
    ]),
  ].join('\n'),
  discount: [
    input('orders', 'order_count', 'number'),
    input('stock', 'stock', 'number'),
    literal('loyalty', 'Loyalty', [needs('orders', 'Input')], 'if order_count = null then 0 else min(order_count / 10, 1)'),
    table('discount', 'Discount', [needs('loyalty', 'Decision'), needs('stock', 'Input')], [column('c1', 'Loyalty', 'number'), column('c2', 'stock', 'number')], [
      rule('r1', ['>= 0.5', '-'], '10'),
      rule('r2', ['-', '> 100'], '25'),
      rule('r3', ['-', '-'], '0'),
    ]),
  ].join('\n'),
  message: [
    input('name', 'first_name'),
    input('segments', 'segments'),
    table('news', 'News', [needs('segments', 'Input')], [column('c1', 'segments')], [
      rule('r1', ['list contains(?, "vip")'], '"the early sale has begun"'),
      rule('r2', ['-'], '"new things have arrived"'),
    ]),
    literal('greeting', 'Greeting', [needs('name', 'Input'), needs('news', 'Decision')], '"Hello " + (if first_name = null then "" else string(first_name)) + ", " + (if News = null then "" else string(News)) + "."'),
  ].join('\n'),
  empty: [input('segments', 'segments'), literal('answer', 'Answer', [needs('segments', 'Input')], 'if list contains(segments, "vip") then "yes" else "no"')].join('\n'),
}

/** documentOf is the document of a new model. */
export const documentOf = (template: Template, name: string): string => head(name, bodies[template])
