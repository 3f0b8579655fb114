import Viewer from 'dmn-js/lib/NavigatedViewer'
import 'dmn-js/dist/assets/diagram-js.css'
import 'dmn-js/dist/assets/dmn-js-shared.css'
import 'dmn-js/dist/assets/dmn-js-drd.css'
import 'dmn-js/dist/assets/dmn-font/css/dmn-embedded.css'
import './drawing.css'
import { prepare } from './document'
import type { DmnView } from './types'

/** Picture is a decision model that is only looked at, with boxes that light up. */
export class Picture {
  private constructor(private readonly dmn: DmnView) {}

  static async open(container: HTMLElement, xml: string): Promise<Picture> {
    const dmn = new Viewer({ container, height: '100%' })
    await dmn.importXML(prepare(xml), { open: false })
    const view = dmn.getViews().find((v) => v.type === 'drd')
    if (view) await dmn.open(view)
    const canvas = dmn.getActiveViewer()?.get('canvas')
    if (canvas && canvas.zoom('fit-viewport', 'auto') > 1) canvas.zoom(1, 'auto')
    return new Picture(dmn)
  }

  /** light shows what each box came to, by its name; other boxes go dim. */
  light(values: ReadonlyMap<string, string> | undefined): void {
    const viewer = this.dmn.getActiveViewer()
    if (!viewer) return
    const [canvas, overlays] = [viewer.get('canvas'), viewer.get('overlays')]
    overlays.clear()
    for (const shape of viewer.get('elementRegistry').filter((e) => e.waypoints === undefined && e.type !== 'dmn:KnowledgeSource' && Boolean(e.businessObject?.id))) {
      const value = values?.get(shape.businessObject.name ?? '')
      canvas.removeMarker(shape.id, 'lit')
      canvas.removeMarker(shape.id, 'dark-box')
      if (!values || shape === canvas.getRootElement()) continue
      canvas.addMarker(shape.id, value === undefined ? 'dark-box' : 'lit')
      if (value === undefined) continue
      const html = document.createElement('div')
      html.className = 'rp-value'
      html.textContent = value
      html.title = value
      overlays.add(shape.id, { position: { bottom: 4, left: shape.width / 2 }, html })
    }
  }

  destroy(): void {
    this.dmn.destroy()
  }
}
