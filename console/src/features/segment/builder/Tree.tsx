import { ActionIcon, Button, CloseButton, JsonInput, Menu, Text, Textarea, Tooltip } from '@mantine/core'
import { IconActivity, IconBolt, IconBraces, IconChartPie, IconClockPlay, IconDeviceMobile, IconDots, IconFileCheck, IconFingerprint, IconHeart, IconMathFunction, IconPackage, IconPlus, IconReceipt, IconShoppingBag, IconSquareRoundedPlus, IconTag, IconUsers, IconVariable } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { createContext, useContext, useRef } from 'react'
import type { ComponentType, ReactNode } from 'react'
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

interface Editing {
  root: GroupNode
  set: (root: GroupNode) => void
  /** the segment that is edited, which cannot ask for itself */
  of: string | undefined
  /** who is left after each part of the root, by the part's id */
  left: Map<number, Step>
  people: number
}

const EditingContext = createContext<Editing | undefined>(undefined)

function useEditing(): Editing {
  const editing = useContext(EditingContext)
  if (!editing) throw new Error('outside of a builder')
  return editing
}

/** Tree edits a condition of any depth. */
export function Tree(props: Editing) {
  const t = useText(builder)
  return (
    <EditingContext value={props}>
      <section aria-label={t('conditions')}>
        <Group node={props.root} />
      </section>
    </EditingContext>
  )
}

function useChange(id: number): (change: (n: Node) => Node | undefined) => void {
  const { root, set } = useEditing()
  return (change) => {
    const next = update(root, id, change)
    if (next && isGroup(next)) set(next)
  }
}

type Join = 'all' | 'any' | 'none' | 'notall'
const joinOf = (g: GroupNode): Join => (g.join === 'all' ? (g.negated ? 'notall' : 'all') : g.negated ? 'none' : 'any')

function Group({ node }: { node: GroupNode }) {
  const t = useText(builder)
  const { root } = useEditing()
  const isRoot = node.id === root.id
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
        {!isRoot && <More node={node} />}
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
}

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

/** More is what can be done with a condition or a group. */
function More({ node }: { node: Node }) {
  const t = useText(builder)
  const { root, set } = useEditing()
  const change = useChange(node.id)
  const beside = (give: Node[]): void => {
    const within = (g: GroupNode): GroupNode => ({ ...g, children: g.children.flatMap((c) => (c.id === node.id ? give : isGroup(c) ? [within(c)] : [c])) })
    set(within(root))
  }
  const go = (by: -1 | 1): void => set(move(root, node.id, by) as GroupNode)
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t(isGroup(node) ? 'moreGroup' : 'more')}><IconDots size={15} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!isGroup(node) && <Menu.Item onClick={() => change((n) => ({ ...n, negated: !n.negated }))}>{t('negate')}</Menu.Item>}
          <Menu.Item onClick={() => beside([node, copy(node)])}>{t('duplicate')}</Menu.Item>
          <Menu.Item onClick={() => change((n) => group('any', [n]))}>{t('wrap')}</Menu.Item>
          {isGroup(node) && node.children.length > 0 && <Menu.Item onClick={() => beside(node.children)}>{t('unwrap')}</Menu.Item>}
          <Menu.Item onClick={() => go(-1)}>{t('up')}</Menu.Item>
          <Menu.Item onClick={() => go(1)}>{t('down')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Tooltip label={t('remove')}>
        <CloseButton size="sm" aria-label={t('remove')} onClick={() => change(() => undefined)} />
      </Tooltip>
    </>
  )
}

function Leaf_({ node }: { node: LeafNode }) {
  const t = useText(builder)
  const { left, people } = useEditing()
  const change = useChange(node.id)
  const Icon = icons[node.leaf.type]
  const step = left.get(node.id)
  const negate = (negated: boolean): void => change((n) => ({ ...n, negated }))
  return (
    <div className={css.leaf} data-node={node.id} data-open={write(node) ? undefined : true} role="group" aria-label={t(`kind_${node.leaf.type}`)}>
      <div className={css.leafHead}>
        <span className={css.kind}><Icon size={15} stroke={1.8} /> {t(`kind_${node.leaf.type}`)}</span>
        {node.negated && !saysNot.includes(node.leaf.type) && (
          <Button size="compact-xs" color="red" variant="light" aria-label={t('notOff')} onClick={() => negate(false)}>{t('not')} ×</Button>
        )}
        <Count node={node} />
        <More node={node} />
      </div>
      <div className={css.body}>
        <Form node={node} onChange={(leaf) => change((n) => ({ ...n, leaf }) as LeafNode)} onNegate={negate} />
      </div>
      {step && people > 0 && <div className={css.bar} style={{ width: `${(100 * step.total) / people}%` }} />}
    </div>
  )
}

/** Count says who is left after a part of the root, or whom a part holds for by itself. */
function Count({ node }: { node: Node }) {
  const t = useText(builder)
  const f = useFormats()
  const { left } = useEditing()
  const step = left.get(node.id)
  const condition = step ? undefined : write(node)
  const alone = useQuery(previewQuery(condition))
  if (step) return <span className={css.count}>{step.exact ? t('left', { count: step.total }) : t('about', { count: t('left', { count: step.total }) })}</span>
  if (!condition) return <span className={css.count}>{t('unfinished')}</span>
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
