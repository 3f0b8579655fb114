import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useMemo } from 'react'
import type { ReactNode } from 'react'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import css from './Code.module.css'

/** Copy puts a text into the clipboard. */
export function Copy({ text, label, className }: { text: string; label?: string; className?: string | undefined }) {
  const t = useText(common)
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('copied') : (label ?? t('copy'))}>
          <ActionIcon className={className} variant="subtle" color={copied ? 'green' : 'gray'} size="sm" onClick={copy} aria-label={label ?? t('copy')}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\b/g

/** paint colours JSON. It makes text nodes, never HTML. */
function paint(json: string): ReactNode[] {
  const out: ReactNode[] = []
  let last = 0
  for (const m of json.matchAll(token)) {
    out.push(json.slice(last, m.index))
    const [whole, text, colon, value] = m
    last = m.index + whole.length
    if (text !== undefined) {
      out.push(<span key={m.index} className={colon ? css.key : css.string}>{text}</span>)
      if (colon) out.push(colon)
    } else out.push(<span key={m.index} className={css.number}>{value}</span>)
  }
  out.push(json.slice(last))
  return out
}

/** Code shows a text to be read or copied; JSON is coloured. */
export function Code(props: { text: string; json?: boolean; wrap?: boolean; height?: number; label: string }) {
  const shown = useMemo(() => (props.json && props.text.length < 100_000 ? paint(props.text) : props.text), [props.json, props.text])
  return (
    <div className={css.box}>
      <pre
        className={`${css.pre} ${props.wrap ? css.wrap : ''}`}
        style={props.height ? ({ '--code-height': `${props.height}px` } as React.CSSProperties) : undefined}
        tabIndex={0}
        role="region"
        aria-label={props.label}
      >
        {shown}
      </pre>
      <Copy text={props.text} className={css.copy} />
    </div>
  )
}

/** Json shows a value. */
export function Json({ value, label, height }: { value: unknown; label: string; height?: number }) {
  return <Code json text={JSON.stringify(value, null, 2) ?? 'null'} label={label} {...(height ? { height } : {})} />
}
