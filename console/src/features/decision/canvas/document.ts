import { Graph, layout } from '@dagrejs/dagre'

// The editor reads DMN 1.3; the product reads every edition, and writes what it
// is given. Between them only the names of the spaces differ.
const spaces: Record<string, readonly string[]> = {
  'https://www.omg.org/spec/DMN/20191111/MODEL/': ['https://www.omg.org/spec/DMN/20211108/MODEL/', 'https://www.omg.org/spec/DMN/20230324/MODEL/', 'https://www.omg.org/spec/DMN/20240513/MODEL/', 'http://www.omg.org/spec/DMN/20180521/MODEL/'],
  'https://www.omg.org/spec/DMN/20191111/FEEL/': ['https://www.omg.org/spec/DMN/20211108/FEEL/', 'https://www.omg.org/spec/DMN/20230324/FEEL/', 'https://www.omg.org/spec/DMN/20240513/FEEL/', 'http://www.omg.org/spec/DMN/20180521/FEEL/'],
  'https://www.omg.org/spec/DMN/20191111/DMNDI/': ['https://www.omg.org/spec/DMN/20230324/DMNDI/', 'https://www.omg.org/spec/DMN/20240513/DMNDI/', 'http://www.omg.org/spec/DMN/20180521/DMNDI/'],
}
const [model, , di] = Object.keys(spaces) as [string, string, string]

/** prepare makes of any document one that the editor can show, with a place for every box. */
export function prepare(xml: string): string {
  let text = xml
  for (const [to, from] of Object.entries(spaces)) for (const f of from) text = text.replaceAll(f, to)
  const doc = new DOMParser().parseFromString(text, 'application/xml')
  if (doc.getElementsByTagName('parsererror').length > 0) return text
  if (doc.getElementsByTagNameNS(di, 'DMNShape').length > 0) return text
  place(doc)
  return new XMLSerializer().serializeToString(doc)
}

export const sizes: Record<string, [number, number]> = { decision: [180, 80], inputData: [125, 45], businessKnowledgeModel: [135, 46], knowledgeSource: [100, 63] }

const requirements = ['informationRequirement', 'knowledgeRequirement', 'authorityRequirement']

// place lays out a document that says what its boxes are and not where they are.
function place(doc: Document): void {
  const root = doc.documentElement
  const boxes = [...root.children].filter((e) => e.namespaceURI === model && e.localName in sizes)
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'BT', nodesep: 40, ranksep: 70, marginx: 40, marginy: 40 })
  graph.setDefaultEdgeLabel(() => ({}))
  const edges: { id: string; from: string; to: string }[] = []
  for (const box of boxes) {
    const [width, height] = sizes[box.localName] ?? [0, 0]
    if (!box.id) box.setAttribute('id', `box_${boxes.indexOf(box)}`)
    graph.setNode(box.id, { width, height })
  }
  for (const box of boxes) {
    for (const [i, need] of [...box.children].filter((e) => requirements.includes(e.localName)).entries()) {
      const from = need.firstElementChild?.getAttribute('href')?.replace(/^#/, '')
      if (!from || !graph.hasNode(from)) continue
      if (!need.id) need.setAttribute('id', `need_${box.id}_${i}`)
      graph.setEdge(from, box.id, {}, need.id)
      edges.push({ id: need.id, from, to: box.id })
    }
  }
  layout(graph)
  draw(doc, boxes.map((b) => b.id), edges, graph)
}

function draw(doc: Document, boxes: string[], edges: { id: string; from: string; to: string }[], graph: Graph): void {
  const make = (space: string, name: string, attributes: Record<string, string | number>, parent: Element): Element => {
    const e = doc.createElementNS(space, name)
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, String(v))
    parent.appendChild(e)
    return e
  }
  const diagram = make(di, 'dmndi:DMNDiagram', { id: 'diagram' }, make(di, 'dmndi:DMNDI', {}, doc.documentElement))
  for (const id of boxes) {
    const { x, y, width, height } = graph.node(id) as { x: number; y: number; width: number; height: number }
    make('http://www.omg.org/spec/DMN/20180521/DC/', 'dc:Bounds', { x: Math.round(x - width / 2), y: Math.round(y - height / 2), width, height }, make(di, 'dmndi:DMNShape', { id: `shape_${id}`, dmnElementRef: id }, diagram))
  }
  for (const { id, from, to } of edges) {
    const [a, b] = [graph.node(from), graph.node(to)] as { x: number; y: number; height: number }[]
    if (!a || !b) continue
    const edge = make(di, 'dmndi:DMNEdge', { id: `edge_${id}`, dmnElementRef: id }, diagram)
    const waypoint = (x: number, y: number): Element => make('http://www.omg.org/spec/DMN/20180521/DI/', 'di:waypoint', { x: Math.round(x), y: Math.round(y) }, edge)
    waypoint(a.x, a.y - a.height / 2)
    waypoint(b.x, b.y + b.height / 2)
  }
}
