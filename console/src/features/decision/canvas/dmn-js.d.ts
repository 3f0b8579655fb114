// What this console uses of dmn-js, which comes without types.
declare module 'dmn-js/lib/Modeler' {
  export { DmnView as default } from '~/features/decision/canvas/types'
}
declare module 'dmn-js/lib/NavigatedViewer' {
  export { DmnView as default } from '~/features/decision/canvas/types'
}
declare module '@bpmn-io/feel-editor' {
  export default class FeelEditor {
    constructor(options: object)
    destroy?: () => void
  }
}
declare module 'dmn-js-shared/lib/util/PoweredByUtil' {
  export function addProjectLogo(container: Element): void
}
