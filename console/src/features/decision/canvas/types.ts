// The parts of dmn-js that this console calls.

export interface Moddle {
  $type: string
  id: string
  name?: string
  description?: string
  text?: string
  locationURI?: string
  decisionLogic?: Moddle
  input?: Moddle[]
  output?: Moddle[]
  rule?: Moddle[]
  inputEntry?: Moddle[]
  inputExpression?: Moddle
  $parent?: Moddle
  variable?: Moddle
  set: (name: string, value: unknown) => void
}

export interface Shape {
  id: string
  x: number
  y: number
  width: number
  height: number
  type: string
  businessObject: Moddle
  incoming: Connection[]
  outgoing: Connection[]
  waypoints?: unknown
}

export interface Connection {
  id: string
  source: Shape
  target: Shape
}

export interface Services {
  canvas: {
    zoom: (to: 'fit-viewport' | number, center?: 'auto') => number
    viewbox: () => { x: number; y: number; width: number; height: number }
    getRootElement: () => Shape
    addMarker: (element: string, marker: string) => void
    removeMarker: (element: string, marker: string) => void
    scrollToElement: (element: Shape) => void
  }
  modeling: {
    createShape: (shape: Shape, at: { x: number; y: number }, parent: Shape) => Shape
    connect: (source: Shape, target: Shape) => unknown
    removeElements: (elements: unknown[]) => void
    removeConnection: (connection: Connection) => void
    updateProperties: (element: Shape, properties: object) => void
    updateModdleProperties: (element: Shape, of: Moddle, properties: object) => void
    moveShape: (shape: Shape, by: { x: number; y: number }) => void
  }
  elementFactory: { createShape: (attrs: { type: string }) => Shape }
  elementRegistry: { get: (id: string) => Shape | undefined; filter: (test: (e: Shape) => boolean) => Shape[] }
  drdFactory: { create: (type: string, attrs?: object) => Moddle }
  selection: { select: (e: Shape | null) => void; get: () => Shape[] }
  commandStack: { undo: () => void; redo: () => void; canUndo: () => boolean; canRedo: () => boolean }
  overlays: { add: (element: string, of: { position: Record<string, number>; html: HTMLElement }) => string; clear: () => void }
  eventBus: { on: (event: string | string[], call: (e: { newSelection?: Shape[] }) => void) => void }
}

export interface View {
  id: string
  type: string
  element: Moddle
  name?: string
}

/** DmnView is dmn-js's manager of views: the drawing, and every table. */
export declare class DmnView {
  constructor(options: object)
  importXML(xml: string, options: { open: boolean }): Promise<{ warnings: string[] }>
  saveXML(options: { format: boolean }): Promise<{ xml: string }>
  getViews(): View[]
  getActiveView(): View | undefined
  getActiveViewer(): { get: <K extends keyof Services>(name: K) => Services[K] } | undefined
  getDefinitions(): Moddle
  open(view: View): Promise<unknown>
  on(event: string, call: (e: { activeView?: View }) => void): void
  destroy(): void
}
