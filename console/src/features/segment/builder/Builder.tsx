import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { memo, useEffect, useMemo } from 'react'
import type { Dispatch, SetStateAction } from 'react'
import { useLocale } from '~/shared/i18n'
import { previewQuery } from '../queries'
import type { Preview, Step } from '../queries'
import css from './Builder.module.css'
import { describe } from './describe'
import type { GroupNode } from './model'
import { Panel } from './Panel'
import { Tree } from './Tree'
import { unfinished, write, writeRoot } from './write'

/**
 * Builder edits a condition beside its count: who is left after each of its
 * parts, who they are, and which segments they are in already.
 */
export const Builder = memo(function Builder(props: { root: GroupNode; set: Dispatch<SetStateAction<GroupNode>>; of?: string | undefined; onCondition?: (c: Record<string, unknown> | undefined) => void }) {
  const { root, onCondition } = props
  const { language } = useLocale()
  const text = useMemo(() => JSON.stringify(writeRoot(root)), [root])
  const [asked] = useDebouncedValue(text, 200)
  const condition = useMemo(() => (asked === undefined ? undefined : (JSON.parse(asked) as Record<string, unknown>)), [asked])
  const preview = useQuery(previewQuery(condition))
  useEffect(() => onCondition?.(condition), [condition, onCondition])
  const counting = text !== undefined && (asked !== text || preview.isPlaceholderData || preview.isLoading)
  const standing = useMemo(
    () => ({ left: steps(root, counting ? undefined : preview.data), people: preview.data?.people ?? 0, counting }),
    [root, counting, preview.data],
  )
  const sentence = useMemo(() => (condition ? describe(condition, language) : ''), [condition, language])
  return (
    <div className={css.split}>
      <Tree root={root} set={props.set} of={props.of} standing={standing} />
      <Panel of={props.of} preview={preview.data} error={preview.error} busy={preview.isFetching && preview.isPlaceholderData} asked={condition !== undefined} unfinished={unfinished(root)} sentence={sentence} />
    </div>
  )
})

/** steps finds the part of the tree that each step of the answer is about. */
function steps(root: GroupNode, preview: Preview | undefined): Map<number, Step> {
  const out = new Map<number, Step>()
  if (!preview || root.join !== 'all' || root.negated) return out
  const parts = root.children.filter((c) => write(c) !== undefined)
  const [only] = parts
  if (parts.length === 1 && only) out.set(only.id, { condition: '', total: preview.total, exact: preview.exact, interval: preview.interval, at_least: preview.total, at_most: preview.total })
  else if (parts.length === preview.steps?.length) preview.steps.forEach((s, i) => parts[i] && out.set(parts[i].id, s))
  return out
}
