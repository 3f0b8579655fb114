import { ActionIcon, Button, CloseButton, JsonInput, Menu, Text, Textarea, Tooltip } from '@mantine/core'
import { IconActivity, IconBolt, IconBraces, IconChartPie, IconClockPlay, IconDeviceMobile, IconDots, IconFileCheck, IconFingerprint, IconHeart, IconMathFunction, IconPackage, IconPlus, IconReceipt, IconShoppingBag, IconSquareRoundedPlus, IconTag, IconUsers, IconVariable } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createContext, memo, useContext, useMemo, useRef } from 'react'
import type { ComponentType, Dispatch, ReactNode, SetStateAction } from 'react'
import { useFormats, useText } from '~/shared/i18n'
import { previewQuery } from '../queries'
import type { Step } from '../queries'
import css from './Builder.module.css'
import { EventFields, SequenceFields } from './EventFields'
import { AffinityFields, ComputedFields, ConsentFields, ContextFields, IdentifierFields, ProfileFields, SegmentFields, TraitFields } from './Fields'
import { Pick } from './inputs'
import { builder } from './messages'
import { copy, fresh, group, isGroup, leafNode, move, update } from './model'
import type { GroupNode, Leaf, LeafNode, LeafType, Node } from './model'
import { write } from './write'

const icons: Record<LeafType, ComponentType<{ size?: number | string; stroke?: number | string }>> = {
  trait: IconTag, event: IconBolt, item: IconPackage, order: IconReceipt, order_item: IconShoppingBag, sequence: IconClockPlay, consent: IconFileCheck,
  identifier: IconFingerprint, profile: IconActivity, context: IconDeviceMobile, segment: IconChartPie, computed: IconVariable, affinity: IconHeart,
  feel: IconMathFunction, always: IconUsers, other: IconBraces,
}

const offered: readonly ['part_about' | 'part_did' | 'part_else', readonly LeafType[]][] = [
  ['part_about', ['trait', 'profile', 'context', 'consent', 'identifier']],
  ['part_did', ['event', 'item', 'order', 'order_item', 'sequence']],
  ['part_else', ['segment', 'computed', 'affinity', 'feel', 'other']],
]

// Their word for the opposite stands in their sentence.
const saysNot: readonly LeafType[] = ['event', 'item', 'order', 'order_item', 'sequence', 'segment']

// What is typed changes the tree and who is left of it many times; what follows from
// each is drawn where it changes alone: conditions look at their own node, and
// only counts at who is left.
interface Editing {
  root: number
  set: Dispatch<SetStateAction<GroupNode>>
  /** the segment that is edited, which cannot ask for itself */
  of: string | undefined
}

/** Standing is who is left. */
export interface Standing {
  /** after each part of the root, by the part's id */
  left: Map<number, Step>
  people: number
  /** it is not known yet who is left of the tree as it is now */
  counting: boolean
}

const EditingContext = createContext<Editing | undefined>(undefined)
const StandingContext = createContext<Standing>({ left: new Map(), people: 0, counting: false })

function useEditing(): Editing {
  const editing = useContext(EditingContext)
  if (!editing) throw new Error('outside of a builder')
  return editing
}

/** Tree edits a condition of any depth. */
export function Tree({ root, set, of, standing }: { root: GroupNode; set: Editing['set']; of: string | undefined; standing: Standing }) {
  const t = useText(builder)
  const editing = useMemo(() => ({ root: root.id, set, of }), [root.id, set, of])
  return (
    <EditingContext value={editing}>
      <StandingContext value={standing}>
        <section aria-label={t('conditions')}>
          <Group node={root} />
        </section>
      </StandingContext>
    </EditingContext>
  )
}

function useChange(id: number): (change: (n: Node) => Node | undefined) => void {
  const { set } = useEditing()
  return (change) =>
    set((root) => {
      const next = update(root, id, change)
      return next && isGroup(next) ? next : root
    })
}

type Join = 'all' | 'any' | 'none' | 'notall'
const joinOf = (g: GroupNode): Join => (g.join === 'all' ? (g.negated ? 'notall' : 'all') : g.negated ? 'none' : 'any')

const Group = memo(function Group({ node }: { node: GroupNode }) {
  const t = useText(builder)
  const { root } = useEditing()
  const isRoot = node.id === root
  const change = useChange(node.id)
  const box = useRef<HTMLDivElement>(null)
  const rejoin = (to: Join): void => change((n) => ({ ...n, join: to === 'all' || to === 'notall' ? 'all' : 'any', negated: to === 'none' || to === 'notall' }) as GroupNode)
  const add = (child: Node): void => {
    change((n) => (isGroup(n) ? { ...n, children: [...n.children, child] } : n))
    // What was added is what one goes on with.
    setTimeout(() => (box.current?.querySelector<HTMLElement>(`[data-node="${child.id}"] input, [data-node="${child.id}"] select, [data-node="${child.id}"] button`))?.focus(), 30)
  }
  return (
    <div className={css.group} data-root={isRoot || undefined} data-node={node.id} ref={box} role="group" aria-label={t(`join_${joinOf(node)}`)}>
      <div className={css.groupHead}>
        <Pick strong label={t('groupJoin')} value={joinOf(node)} options={(['all', 'any', 'none', 'notall'] as const).map((v) => ({ value: v, label: t(`join_${v}`) }))} onChange={rejoin} />
        <div className={css.grow} />
        {!isRoot && <Count node={node} />}
        {!isRoot && <More id={node.id} inner filled={node.children.length > 0} />}
      </div>
      {node.children.length === 0 && !isRoot && <Text size="sm" c="dimmed">{t('emptyGroup')}</Text>}
      <div className={css.children}>
        {node.children.map((child, i) => (
          <div key={child.id} style={{ display: 'contents' }}>
            {i > 0 && <div className={css.joint}>{t(node.join === 'all' ? 'and' : 'or')}</div>}
            {isGroup(child) ? <Group node={child} /> : <Leaf_ node={child} />}
          </div>
        ))}
      </div>
      <div className={css.foot}>
        <AddMenu add={(type) => add(leafNode(fresh(type)))} strong={isRoot && node.children.length === 0} />
        <Button size="xs" variant="subtle" color="gray" leftSection={<IconSquareRoundedPlus size={15} />} onClick={() => add(group(node.join === 'all' ? 'any' : 'all'))}>{t('addGroup')}</Button>
      </div>
    </div>
  )
})

/** AddMenu offers the kinds of conditions, each with what it is for. */
function AddMenu({ add, strong }: { add: (type: LeafType) => void; strong: boolean }) {
  const t = useText(builder)
  return (
    <Menu position="bottom-start" width={340} withinPortal returnFocus={false} styles={{ dropdown: { maxHeight: 440, overflowY: 'auto' } }}>
      <Menu.Target>
        <Button size="xs" variant={strong ? 'filled' : 'light'} leftSection={<IconPlus size={15} />}>{t('addCondition')}</Button>
      </Menu.Target>
      <Menu.Dropdown aria-label={t('whatKind')}>
        {offered.map(([part, kinds]) => (
          <div key={part} role="group" aria-label={t(part)}>
            <Menu.Label>{t(part)}</Menu.Label>
            {kinds.map((kind) => {
              const Icon = icons[kind]
              return (
                <Menu.Item key={kind} leftSection={<Icon size={17} stroke={1.7} />} onClick={() => add(kind)}>
                  {t(`kind_${kind}`)}
                  <Text size="xs" c="dimmed">{t(`kind_${kind}_hint`)}</Text>
                </Menu.Item>
              )
            })}
          </div>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

/** More is what can be done with a condition, or with a group within another. */
const More = memo(function More({ id, inner, filled }: { id: number; inner?: boolean; filled?: boolean }) {
  const t = useText(builder)
  const { set } = useEditing()
  const change = useChange(id)
  const replace = (give: (n: Node) => Node[]): void => {
    const within = (g: GroupNode): GroupNode => ({ ...g, children: g.children.flatMap((c) => (c.id === id ? give(c) : isGroup(c) ? [within(c)] : [c])) })
    set(within)
  }
  const go = (by: -1 | 1): void => set((root) => move(root, id, by) as GroupNode)
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t(inner ? 'moreGroup' : 'more')}><IconDots size={15} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!inner && <Menu.Item onClick={() => change((n) => ({ ...n, negated: !n.negated }))}>{t('negate')}</Menu.Item>}
          <Menu.Item onClick={() => replace((n) => [n, copy(n)])}>{t('duplicate')}</Menu.Item>
          <Menu.Item onClick={() => change((n) => group('any', [n]))}>{t('wrap')}</Menu.Item>
          {inner && filled && <Menu.Item onClick={() => replace((n) => (isGroup(n) ? n.children : [n]))}>{t('unwrap')}</Menu.Item>}
          <Menu.Item onClick={() => go(-1)}>{t('up')}</Menu.Item>
          <Menu.Item onClick={() => go(1)}>{t('down')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Tooltip label={t('remove')}>
        <CloseButton size="sm" aria-label={t('remove')} onClick={() => change(() => undefined)} />
      </Tooltip>
    </>
  )
})

const Leaf_ = memo(function Leaf_({ node }: { node: LeafNode }) {
  const t = useText(builder)
  const change = useChange(node.id)
  const Icon = icons[node.leaf.type]
  const negate = (negated: boolean): void => change((n) => ({ ...n, negated }))
  return (
    <div className={css.leaf} data-node={node.id} data-open={write(node) ? undefined : true} role="group" aria-label={t(`kind_${node.leaf.type}`)}>
      <div className={css.leafHead}>
        <span className={css.kind}><Icon size={15} stroke={1.8} /> {t(`kind_${node.leaf.type}`)}</span>
        {node.negated && !saysNot.includes(node.leaf.type) && (
          <Button size="compact-xs" color="red" variant="light" aria-label={t('notOff')} onClick={() => negate(false)}>{t('not')} ×</Button>
        )}
        <Count node={node} />
        <More id={node.id} />
      </div>
      <div className={css.body}>
        <Form node={node} onChange={(leaf) => change((n) => ({ ...n, leaf }) as LeafNode)} onNegate={negate} />
      </div>
      <Bar id={node.id} />
    </div>
  )
})

function Bar({ id }: { id: number }) {
  const { left, people } = useContext(StandingContext)
  const step = left.get(id)
  return step && people > 0 && <div className={css.bar} style={{ width: `${(100 * step.total) / people}%` }} />
}

/** Count says who is left after a part of the root, or whom a part holds for by itself. */
function Count({ node }: { node: Node }) {
  const t = useText(builder)
  const { left, counting } = useContext(StandingContext)
  const condition = useMemo(() => write(node), [node])
  const step = left.get(node.id)
  if (step) return <span className={css.count}>{step.exact ? t('left', { count: step.total }) : t('about', { count: t('left', { count: step.total }) })}</span>
  if (!condition) return <span className={css.count}>{t('unfinished')}</span>
  if (counting) return <span className={css.count} aria-busy="true">…</span>
  return <Alone condition={condition} />
}

function Alone({ condition }: { condition: unknown }) {
  const t = useText(builder)
  const f = useFormats()
  const alone = useQuery(previewQuery(condition))
  if (alone.isError) return <span className={css.count} title={alone.error.message}>–</span>
  if (!alone.data) return <span className={css.count} aria-busy="true">…</span>
  const text = t('alone', { count: alone.data.total })
  return <span className={css.count} title={f.percent(alone.data.share)}>{alone.data.exact ? text : t('about', { count: text })}</span>
}

function Form({ node, onChange, onNegate }: { node: LeafNode; onChange: (l: Leaf) => void; onNegate: (to: boolean) => void }): ReactNode {
  const t = useText(builder)
  const { of } = useEditing()
  const { leaf, negated } = node
  const line = (fields: ReactNode): ReactNode => <div className={css.line}>{fields}</div>
  switch (leaf.type) {
    case 'trait':
      return line(<TraitFields leaf={leaf} onChange={onChange} />)
    case 'computed':
      return line(<ComputedFields leaf={leaf} onChange={onChange} />)
    case 'identifier':
      return line(<IdentifierFields leaf={leaf} onChange={onChange} />)
    case 'consent':
      return line(<ConsentFields leaf={leaf} onChange={onChange} />)
    case 'profile':
      return line(<ProfileFields leaf={leaf} onChange={onChange} />)
    case 'context':
      return line(<ContextFields leaf={leaf} onChange={onChange} />)
    case 'affinity':
      return line(<AffinityFields leaf={leaf} onChange={onChange} />)
    case 'segment':
      return line(
        <>
          <Pick strong label={t('didOrNot')} value={negated ? 'not' : 'yes'} options={[{ value: 'yes', label: t('isIn') }, { value: 'not', label: t('isNotIn') }]} onChange={(v) => onNegate(v === 'not')} />
          <SegmentFields leaf={leaf} but={of} onChange={onChange} />
        </>,
      )
    case 'sequence':
      return <SequenceFields leaf={leaf} negated={negated} onChange={onChange} onNegate={onNegate} />
    case 'feel':
      return <Textarea autosize minRows={2} label={t('feel')} description={t('feelHint')} value={leaf.text} onChange={(e) => onChange({ ...leaf, text: e.currentTarget.value })} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
    case 'other':
      return <JsonInput autosize minRows={3} label={t('json')} description={t('jsonHint')} value={leaf.text} onChange={(text) => onChange({ ...leaf, text })} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
    case 'always':
      return <Text size="sm">{t('kind_always_hint')}</Text>
    default:
      return <EventFields leaf={leaf} negated={negated} onChange={onChange} onNegate={onNegate} />
  }
}
