import { Text, VisuallyHidden } from '@mantine/core'
import { Fragment, useMemo } from 'react'
import { useText } from '~/shared/i18n'
import css from './Diff.module.css'
import { diffLines } from './lines'
import type { Line } from './lines'
import { definition } from './messages'

const around = 3

/** Diff shows what changed between two texts; what stayed is folded away. */
export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const t = useText(definition)
  const lines = useMemo(() => diffLines(before, after), [before, after])
  if (lines.every((l) => l.kind === 'same')) return <Text c="dimmed">{t('noDifference')}</Text>
  return (
    <div className={css.box} role="region" aria-label={label} tabIndex={0}>
      <table className={css.table}>
        <tbody>
          {fold(lines).map((part, i) => (
            <Fragment key={i}>
              {typeof part === 'number' ? (
                <tr className={css.gap}>
                  <td colSpan={4}>{t('unchanged', { count: part })}</td>
                </tr>
              ) : (
                <tr className={part.kind === 'same' ? undefined : css[part.kind]}>
                  <td className={css.number}>{part.before}</td>
                  <td className={css.number}>{part.after}</td>
                  <td className={css.number}>
                    {part.kind === 'same' ? '' : part.kind === 'added' ? '+' : '−'}
                    <VisuallyHidden>{part.kind === 'same' ? '' : t(part.kind)}</VisuallyHidden>
                  </td>
                  <td>{part.text}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** fold puts a number in the place of lines that stayed and are far from a change. */
function fold(lines: Line[]): (Line | number)[] {
  const near = (i: number): boolean => lines.slice(Math.max(0, i - around), i + around + 1).some((l) => l.kind !== 'same')
  const out: (Line | number)[] = []
  for (const [i, line] of lines.entries()) {
    if (near(i)) out.push(line)
    else if (typeof out.at(-1) === 'number') out[out.length - 1] = (out.at(-1) as number) + 1
    else out.push(1)
  }
  return out
}
