import { Text } from '@mantine/core'
import { useText } from '~/shared/i18n'
import { Amount, Name, Pick, retyped, TestInput, typeOfTest } from './inputs'
import { builder } from './messages'
import type { BuilderKey, BuilderText } from './messages'
import type { FieldLeaf, Leaf, Test } from './model'
import { contextFields, profileFields, useAffinities, useCatalog, useComputed, useNamespaces, usePurposes, useSegments, useTraits } from './suggest'
import type { Choice, Known, ValueType } from './suggest'

type Of<K extends Leaf['type']> = Extract<Leaf, { type: K }>
interface Props<L> {
  leaf: L
  onChange: (l: L) => void
}

/** fitting keeps a test where its values fit what a field holds, and begins anew where not. */
function fitting(test: Test, type: ValueType | undefined): Test {
  return type === undefined || typeOfTest(test) === type || test.op === 'exists' || test.op === 'missing' ? test : retyped(type)
}

export function TraitFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  const traits = useTraits()
  const known: Known | undefined = traits.get(leaf.name)
  return (
    <>
      <Name wide autoFocus label={t('name_trait')} value={leaf.name} known={[...traits.keys()]} onChange={(name) => onChange({ ...leaf, name, test: fitting(leaf.test, traits.get(name)?.type) })} />
      <TestInput test={leaf.test} type={known?.type} values={known?.values} onChange={(test) => onChange({ ...leaf, test })} />
    </>
  )
}

export function ComputedFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  const known = useComputed()
  return (
    <>
      <Name wide autoFocus label={t('name_computed')} value={leaf.name} known={known} onChange={(name) => onChange({ ...leaf, name })} />
      <TestInput test={leaf.test} onChange={(test) => onChange({ ...leaf, test })} />
    </>
  )
}

export function IdentifierFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  return (
    <>
      <Name autoFocus label={t('name_identifier')} value={leaf.name} known={useNamespaces()} onChange={(name) => onChange({ ...leaf, name })} />
      <TestInput test={leaf.test} type="text" onChange={(test) => onChange({ ...leaf, test })} />
    </>
  )
}

export function ConsentFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  return (
    <>
      <Name wide autoFocus label={t('name_consent')} value={leaf.name} known={usePurposes()} onChange={(name) => onChange({ ...leaf, name })} />
      <Pick label={t('operator')} value={String(leaf.test.value) === 'denied' ? 'denied' : 'granted'} options={(['granted', 'denied'] as const).map((v) => ({ value: v, label: t(`consent_${v}`) }))} onChange={(value) => onChange({ ...leaf, test: { op: '=', value } })} />
    </>
  )
}

/** fieldLabel is what a field of the profile is called. */
export const fieldLabel = (t: BuilderText, name: string): string => (name in profileFields ? t(`field_${name}` as BuilderKey) : name)

export function ProfileFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  const known: Choice[] = Object.keys(profileFields).map((value) => ({ value, label: fieldLabel(t, value) }))
  const rename = (name: string): void => onChange({ ...leaf, name, test: fitting(leaf.test, profileFields[name]) })
  return (
    <>
      <Name wide autoFocus label={t('name_profile')} value={leaf.name} known={known} onChange={rename} />
      <TestInput test={leaf.test} type={profileFields[leaf.name]} onChange={(test) => onChange({ ...leaf, test })} />
    </>
  )
}

export function ContextFields({ leaf, onChange }: Props<FieldLeaf>) {
  const t = useText(builder)
  const seen = (to: 'first' | 'latest'): void => {
    const { seen: _, ...rest } = leaf
    onChange(to === 'first' ? { ...rest, seen: 'first' } : rest)
  }
  return (
    <>
      <Name autoFocus label={t('name_context')} value={leaf.name} known={contextFields} onChange={(name) => onChange({ ...leaf, name })} />
      <TestInput test={leaf.test} type="text" onChange={(test) => onChange({ ...leaf, test })} />
      <Pick label={t('seen')} value={leaf.seen ?? 'latest'} options={(['latest', 'first'] as const).map((v) => ({ value: v, label: t(`seen_${v}`) }))} onChange={seen} />
    </>
  )
}

export function SegmentFields({ leaf, onChange, but }: Props<Of<'segment'>> & { but: string | undefined }) {
  const t = useText(builder)
  return <Name wide autoFocus label={t('segmentChoice')} value={leaf.key} known={useSegments(but)} onChange={(key) => onChange({ ...leaf, key })} />
}

export function AffinityFields({ leaf, onChange }: Props<Of<'affinity'>>) {
  const t = useText(builder)
  const known = useAffinities()
  const { attributes } = useCatalog()
  return (
    <>
      <Name autoFocus label={t('affinityDimension')} value={leaf.name} known={known} onChange={(name) => onChange({ ...leaf, name })} />
      <Text span size="sm">{t('op_=')}</Text>
      <Name label={t('affinityValue')} value={leaf.value} known={(attributes.get(leaf.name)?.values ?? []).map(String)} onChange={(value) => onChange({ ...leaf, value })} />
      <Pick label={t('affinityHow')} value={leaf.how} options={(['any', 'top', 'share'] as const).map((v) => ({ value: v, label: t(`how_${v}`) }))} onChange={(how) => onChange({ ...leaf, how, n: how === 'any' ? undefined : (leaf.n ?? (how === 'top' ? 3 : 40)) })} />
      {leaf.how !== 'any' && <Amount label={t('amount')} value={leaf.n} min={1} max={leaf.how === 'top' ? 50 : 100} onChange={(n) => onChange({ ...leaf, n })} />}
      {leaf.how === 'share' && <Text span size="sm">{t('percent')}</Text>}
    </>
  )
}
