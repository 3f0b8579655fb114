import { Graph, layout } from '@dagrejs/dagre'
import { StyleModule } from 'style-mod'
import Modeler from 'dmn-js/lib/Modeler'
import 'dmn-js/dist/assets/diagram-js.css'
import 'dmn-js/dist/assets/dmn-js-shared.css'
import 'dmn-js/dist/assets/dmn-js-drd.css'
import 'dmn-js/dist/assets/dmn-js-decision-table.css'
import 'dmn-js/dist/assets/dmn-js-decision-table-controls.css'
import 'dmn-js/dist/assets/dmn-js-literal-expression.css'
import 'dmn-js/dist/assets/dmn-js-boxed-expression.css'
import 'dmn-js/dist/assets/dmn-js-boxed-expression-controls.css'
import 'dmn-js/dist/assets/dmn-font/css/dmn-embedded.css'
import './drawing.css'
import { nonce } from '~/app/nonce'
import { readLogic, writeLogic } from '../kinds'
import type { Addable, Kind, Logic } from '../kinds'
import { prepare } from './document'
import { addColumn } from './table'
import { translate } from './translate'
import type { Connection, DmnView, Services, Shape } from './types'

/** Box is one box of the drawing, as the panel beside it sees it. */
export interface Box {
  id: string
  name: string
  kind: Kind
  description: string
  /** of a decision that is no table */
  logic?: Logic
  /** ids of the boxes it needs */
  needs: string[]
  /** keys of offers, of a box of offers */
  offers: string[]
  /** ids of the boxes it may need */
  mayNeed: string[]
}

const types: Record<Addable, string> = {
  input: 'dmn:InputData', connection: 'dmn:InputData', table: 'dmn:Decision', formula: 'dmn:Decision',
  template: 'dmn:Decision', script: 'dmn:Decision', prediction: 'dmn:Decision', offers: 'dmn:KnowledgeSource',
}
const firstLogic: Partial<Record<Addable, Logic>> = {
  formula: { kind: 'formula', text: '' },
  template: { kind: 'template', text: '…' },
  script: { kind: 'script', source: 'return null', reads: [] },
  prediction: { kind: 'prediction', model: '', reads: {} },
}
const offersAt = 'rapport:offers/'

/** Drawing is a decision model on a canvas. It never talks to the server. */
export class Drawing {
  private observer?: MutationObserver

  private constructor(private readonly dmn: DmnView) {}

  /** open shows a document. change is called after each edit, select when another box is chosen, view when a table opens or closes. */
  static async open(container: HTMLElement, xml: string, language: string, on: { change: () => void; select: (id: string | undefined) => void; view: (table: string | undefined) => void }): Promise<Drawing> {
    // CodeMirror makes one style element for the page; this one carries the nonce.
    StyleModule.mount(document, new StyleModule({}), { nonce })
    const words = { translate: ['value', translate(language)] }
    const part = { additionalModules: [words] }
    const dmn = new Modeler({ container, height: '100%', drd: part, decisionTable: part, literalExpression: part, boxedExpression: part })
    const drawing = new Drawing(dmn)
    await dmn.importXML(prepare(xml), { open: false })
    await drawing.overview()
    // The head of a table's column of numbers is empty: it needs a name all the same.
    drawing.observer = new MutationObserver(() => {
      for (const head of container.querySelectorAll('thead .index-column:empty')) {
        const name = document.createElement('span')
        name.className = 'rp-unseen'
        name.textContent = '#'
        head.append(name)
      }
    })
    drawing.observer.observe(container, { childList: true, subtree: true })
    const watched = new Set<unknown>()
    const watch = (): void => {
      const bus = dmn.getActiveViewer()?.get('eventBus')
      if (!bus || watched.has(bus)) return
      watched.add(bus)
      bus.on(['commandStack.changed', 'elements.changed'], on.change)
      bus.on('selection.changed', (e) => on.select(e.newSelection?.[0]?.id))
    }
    watch()
    dmn.on('views.changed', ({ activeView }) => {
      watch()
      on.view(activeView && activeView.type !== 'drd' ? activeView.element.name : undefined)
    })
    return drawing
  }

  destroy(): void {
    this.observer?.disconnect()
    this.dmn.destroy()
  }

  async xml(): Promise<string> {
    return (await this.dmn.saveXML({ format: true })).xml
  }

  /** overview leads back from a table to the boxes. */
  async overview(): Promise<void> {
    const view = this.dmn.getViews().find((v) => v.type === 'drd')
    if (!view) return
    await this.dmn.open(view)
    this.at('canvas').zoom('fit-viewport', 'auto')
    if (this.at('canvas').zoom('fit-viewport', 'auto') > 1) this.at('canvas').zoom(1, 'auto')
  }

  async openTable(id: string): Promise<void> {
    const view = this.dmn.getViews().find((v) => v.element.id === id)
    if (view) await this.dmn.open(view)
  }

  undo(): void {
    if (this.at('commandStack').canUndo()) this.at('commandStack').undo()
  }

  /** boxes are all that are drawn, inputs last. */
  boxes(): Box[] {
    const shapes = this.shapes()
    return shapes.map((s) => this.boxOf(s, shapes)).sort((a, b) => Number(isLeaf(a)) - Number(isLeaf(b)) || a.name.localeCompare(b.name))
  }

  /** choose selects a box without moving the paper; undefined chooses none. */
  choose(id: string | undefined): void {
    this.at('selection').select(id === undefined ? null : this.shape(id))
  }

  select(id: string): void {
    const shape = this.shape(id)
    this.at('selection').select(shape)
    this.at('canvas').scrollToElement(shape)
  }

  /** add draws a box where there is room, and chooses it. */
  add(kind: Addable, name: string): string {
    const shape = this.at('elementFactory').createShape({ type: types[kind] })
    const made = this.at('modeling').createShape(shape, this.room(shape), this.at('canvas').getRootElement())
    this.at('modeling').updateProperties(made, { name: this.unique(name) })
    const create = this.at('drdFactory')
    const logic = firstLogic[kind]
    if (logic) this.setLogic(made.id, logic)
    if (kind === 'table') {
      const table = create.create('dmn:DecisionTable', { hitPolicy: 'FIRST' })
      const output = create.create('dmn:OutputClause', { name: '' })
      output.$parent = table
      table.set('output', [output])
      table.set('input', [])
      table.set('rule', [])
      addColumn(create, table, '')
      table.$parent = made.businessObject
      this.at('modeling').updateProperties(made, { decisionLogic: table })
    }
    if (kind === 'offers') this.at('modeling').updateProperties(made, { locationURI: offersAt })
    this.select(made.id)
    return made.id
  }

  remove(id: string): void {
    this.at('modeling').removeElements([this.shape(id)])
  }

  rename(id: string, name: string): void {
    const shape = this.shape(id)
    this.at('modeling').updateProperties(shape, { name })
    const { variable } = shape.businessObject
    if (variable) this.at('modeling').updateModdleProperties(shape, variable, { name })
    else if (shape.type !== 'dmn:KnowledgeSource') {
      const made = this.at('drdFactory').create('dmn:InformationItem', { name })
      made.$parent = shape.businessObject
      this.at('modeling').updateProperties(shape, { variable: made })
    }
  }

  describe(id: string, description: string): void {
    this.at('modeling').updateProperties(this.shape(id), { description })
  }

  setOffers(id: string, keys: readonly string[]): void {
    this.at('modeling').updateProperties(this.shape(id), { locationURI: offersAt + keys.join(',') })
  }

  setLogic(id: string, logic: Logic): void {
    const shape = this.shape(id)
    const literal = this.at('drdFactory').create('dmn:LiteralExpression', { text: writeLogic(logic) })
    literal.$parent = shape.businessObject
    this.at('modeling').updateProperties(shape, { decisionLogic: literal })
  }

  /** setNeeds draws the arrows into a box, and gives a table the columns it lacks. */
  setNeeds(id: string, needs: readonly string[]): void {
    const target = this.shape(id)
    for (const arrow of [...target.incoming]) if (!needs.includes(arrow.source.id)) this.at('modeling').removeConnection(arrow)
    const had = target.incoming.map((a: Connection) => a.source.id)
    for (const need of needs.filter((n) => !had.includes(n))) {
      const source = this.shape(need)
      this.at('modeling').connect(source, target)
      const table = target.businessObject.decisionLogic
      if (table?.$type === 'dmn:DecisionTable' && source.type !== 'dmn:KnowledgeSource') {
        addColumn(this.at('drdFactory'), table, source.businessObject.name ?? '')
        this.at('modeling').updateProperties(target, { decisionLogic: table })
      }
    }
  }

  /** tidy puts every box where the arrows want it. */
  tidy(): void {
    const graph = new Graph()
    graph.setGraph({ rankdir: 'BT', nodesep: 40, ranksep: 70 })
    graph.setDefaultEdgeLabel(() => ({}))
    const shapes = this.shapes()
    for (const s of shapes) graph.setNode(s.id, { width: s.width, height: s.height })
    for (const s of shapes) for (const a of s.incoming) graph.setEdge(a.source.id, s.id)
    layout(graph)
    for (const s of shapes) {
      const to = graph.node(s.id) as { x: number; y: number }
      this.at('modeling').moveShape(s, { x: Math.round(to.x - s.width / 2 - s.x), y: Math.round(to.y - s.height / 2 - s.y) })
    }
    this.at('canvas').zoom('fit-viewport', 'auto')
  }

  private at<K extends keyof Services>(name: K): Services[K] {
    const viewer = this.dmn.getActiveViewer()
    if (!viewer) throw new Error('the drawing is not open')
    return viewer.get(name)
  }

  private shape(id: string): Shape {
    const found = this.at('elementRegistry').get(id)
    if (!found) throw new Error(`no box ${id}`)
    return found
  }

  private shapes(): Shape[] {
    return this.at('elementRegistry').filter((e) => e.waypoints === undefined && Object.values(types).concat('dmn:BusinessKnowledgeModel').includes(e.type))
  }

  private boxOf(s: Shape, all: Shape[]): Box {
    const { id, name = '', description = '', decisionLogic, locationURI } = s.businessObject
    const kind = kindOf(s)
    const literal = decisionLogic?.$type === 'dmn:LiteralExpression' ? readLogic(decisionLogic.text ?? '') : undefined
    const behind = this.reached(s)
    return {
      id, name, description,
      kind: literal?.kind ?? kind,
      ...(literal ? { logic: literal } : {}),
      needs: s.incoming.map((a) => a.source.id),
      offers: locationURI?.startsWith(offersAt) ? locationURI.slice(offersAt.length).split(',').filter(Boolean) : [],
      mayNeed: s.type === 'dmn:Decision' ? all.filter((o) => !behind.has(o.id)).map((o) => o.id) : [],
    }
  }

  // reached are the box itself and whatever needs it: to need one of them would be a circle.
  private reached(s: Shape): Set<string> {
    const out = new Set([s.id])
    const visit = (from: Shape): void => {
      for (const a of from.outgoing) {
        if (out.has(a.target.id)) continue
        out.add(a.target.id)
        visit(a.target)
      }
    }
    visit(s)
    return out
  }

  private unique(name: string): string {
    const taken = new Set(this.shapes().map((s) => s.businessObject.name))
    let out = name
    for (let n = 2; taken.has(out); n++) out = `${name} ${n}`
    return out
  }

  // room is the middle of the first free place: inputs go below, decisions above.
  private room(shape: Shape): { x: number; y: number } {
    const shapes = this.shapes()
    const leaf = shape.type !== 'dmn:Decision'
    const bottom = Math.max(0, ...shapes.map((s) => s.y))
    const y = shapes.length === 0 ? 200 : leaf ? Math.max(bottom, ...shapes.filter((s) => s.type === 'dmn:Decision').map((s) => s.y + 150)) : Math.min(...shapes.map((s) => s.y))
    const row = shapes.filter((s) => Math.abs(s.y - y) < 100)
    const x = row.length === 0 ? (shapes[0]?.x ?? 200) : Math.max(...row.map((s) => s.x + s.width)) + 40
    return { x: x + shape.width / 2, y: y + shape.height / 2 }
  }
}

const isLeaf = (b: Box): boolean => b.kind === 'input' || b.kind === 'connection' || b.kind === 'offers'

function kindOf(s: Shape): Kind {
  if (s.type === 'dmn:InputData') return 'input'
  if (s.type === 'dmn:KnowledgeSource') return 'offers'
  if (s.type === 'dmn:BusinessKnowledgeModel') return 'function'
  const logic = s.businessObject.decisionLogic
  if (!logic) return 'formula'
  return logic.$type === 'dmn:DecisionTable' ? 'table' : 'other'
}
