import FeelEditor from '@bpmn-io/feel-editor'
import { EditorView } from '@codemirror/view'
import { nonce } from '~/app/nonce'

/** editFeel puts an editor of FEEL into a container. Its styles carry the page's nonce. */
export function editFeel(container: HTMLElement, of: { value: string; names: readonly string[]; label: string; change: (to: string) => void }): { destroy: () => void } {
  const editor = new FeelEditor({
    container,
    value: of.value,
    dialect: 'expression',
    variables: of.names.map((name) => ({ name })),
    onChange: of.change,
    extensions: [EditorView.cspNonce.of(nonce), EditorView.lineWrapping],
    contentAttributes: { 'aria-label': of.label },
  })
  return { destroy: () => { editor.destroy?.(); container.replaceChildren() } }
}
