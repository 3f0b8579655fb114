import { Alert, Button, Group, List, Menu, Skeleton, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconArrowBackUp, IconChevronDown, IconLayoutDistributeVertical, IconPlus, IconArrowLeft } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useBlocker, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { May } from '~/features/access/May'
import { useLocale, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { useToasts } from '~/shared/ui/undo'
import type { Drawing } from './canvas/drawing'
import css from './Draw.module.css'
import { Inspector } from './Inspector'
import { kindIcons } from './kindIcons'
import { addable } from './kinds'
import type { Addable } from './kinds'
import { decision } from './messages'
import { saveModel, settingsQuery, useModelChange } from './queries'
import type { Model } from './queries'

/** Draw is the model as boxes and arrows, with what the chosen box does beside it. */
export function Draw({ model: m }: { model: Model }) {
  const t = useText(decision)
  const toasts = useToasts()
  const navigate = useNavigate()
  const at = useDrawing(m.xml ?? '')
  const { drawing, changed, setChanged } = at
  const settings = useQuery(settingsQuery(m.key))
  const save = useModelChange<void, Model>(async () => saveModel(m.key, await (drawing as Drawing).xml()))
  const leaving = useRef(false)
  const keep = (then?: () => void): void => {
    if (!drawing || save.isPending) return
    leaving.current = true
    // The new version makes this anew: what comes after is not for this component.
    save.mutateAsync().then(
      (v) => {
        setChanged(false)
        toasts.done(t('saved', { version: v.version }))
        then?.()
      },
      () => (leaving.current = false),
    )
  }
  useEffect(() => {
    leaving.current = false
  }, [at.edits])
  useBlocker({ shouldBlockFn: ({ next, current }) => changed && !leaving.current && next.pathname !== current.pathname && !window.confirm(t('leave')), enableBeforeUnload: changed })
  useHotkeys([['mod+Enter', () => changed && keep()], ['mod+S', () => changed && keep()]], [])
  const trial = (): void => void navigate({ to: '/decisions/$key', params: { key: m.key }, search: (s: object) => ({ ...s, tab: 'try' as const }) })
  return (
    <>
      <Bar at={at} save={() => keep()} saving={save.isPending} trial={() => (changed ? keep(trial) : trial())} />
      {save.error && <Alert color="red" mb="md" title={t('notSaved')}><ProblemState error={save.error} compact /></Alert>}
      {(m.problems?.length ?? 0) > 0 && <Problems model={m} />}
      <div className={css.desk} data-wide={at.table !== undefined || undefined}>
        <div className={css.paper}>
          {at.failed !== undefined && <ProblemState error={at.failed} />}
          {!drawing && at.failed === undefined && <Skeleton height="100%" aria-busy="true" />}
          <div ref={at.container} className={css.canvas} hidden={!drawing} role="region" aria-label={t('drawing')} />
        </div>
        {/* The panel has its place before the drawing is there, which is put into the middle of what is left. */}
        {at.table === undefined && (drawing ? <Inspector drawing={drawing} chosen={at.chosen} edits={at.edits} settings={settings.data} model={m.key} /> : <aside className={css.panel} aria-hidden="true" />)}
      </div>
    </>
  )
}

interface At {
  container: React.RefObject<HTMLDivElement | null>
  drawing: Drawing | undefined
  failed: unknown
  chosen: string | undefined
  /** the name of the table that is open in place of the drawing */
  table: string | undefined
  /** counts edits: what is read of the drawing is read anew */
  edits: number
  changed: boolean
  setChanged: (to: boolean) => void
}

function useDrawing(xml: string): At {
  const { language } = useLocale()
  const container = useRef<HTMLDivElement>(null)
  const [drawing, setDrawing] = useState<Drawing>()
  const [failed, setFailed] = useState<unknown>()
  const [chosen, choose] = useState<string>()
  const [table, setTable] = useState<string>()
  const [edits, setEdits] = useState(0)
  const [changed, setChanged] = useState(false)
  const open = useCallback(async (element: HTMLElement, gone: () => boolean) => {
    const { Drawing } = await import('./canvas/drawing')
    if (gone()) return undefined
    let ready = false
    const made = await Drawing.open(element, xml, language, {
      change: () => {
        setEdits((n) => n + 1)
        if (ready) setChanged(true)
      },
      select: choose,
      view: setTable,
    })
    ready = true
    return made
  }, [xml, language])
  useEffect(() => {
    let gone = false
    let made: Drawing | undefined
    const element = container.current
    if (!element) return
    element.hidden = false
    open(element, () => gone).then((d) => {
      made = d
      if (gone) d?.destroy()
      else setDrawing(d)
    }, (e: unknown) => !gone && setFailed(e))
    return () => {
      gone = true
      made?.destroy()
      setDrawing(undefined)
    }
  }, [open])
  return { container, drawing, failed, chosen, table, edits, changed, setChanged }
}

function Bar({ at, save, saving, trial }: { at: At; save: () => void; saving: boolean; trial: () => void }) {
  const t = useText(decision)
  const { drawing, table, changed } = at
  const add = (kind: Addable): void => void drawing?.add(kind, t(`first_${kind}`))
  return (
    <Group justify="space-between" mb="sm" gap="xs">
      <Group gap="xs">
        {table === undefined ? (
          <>
            <Menu position="bottom-start" width={340} shadow="md">
              <Menu.Target>
                <Button variant="light" leftSection={<IconPlus size={16} />} rightSection={<IconChevronDown size={14} />} disabled={!drawing}>{t('addBox')}</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {addable.map((kind) => {
                  const Icon = kindIcons[kind]
                  return (
                    <Menu.Item key={kind} leftSection={<Icon size={18} stroke={1.7} />} onClick={() => add(kind)}>
                      <Text fw={550} size="sm">{t(`kind_${kind}`)}</Text>
                      <Text size="xs" c="dimmed">{t(`kindHint_${kind}`)}</Text>
                    </Menu.Item>
                  )
                })}
              </Menu.Dropdown>
            </Menu>
            <Button variant="subtle" color="gray" leftSection={<IconLayoutDistributeVertical size={16} />} disabled={!drawing} onClick={() => drawing?.tidy()}>{t('tidy')}</Button>
          </>
        ) : (
          <>
            <Button variant="light" leftSection={<IconArrowLeft size={16} />} onClick={() => void drawing?.overview()}>{t('back')}</Button>
            <Text fw={600}>{table}</Text>
          </>
        )}
        <Button variant="subtle" color="gray" leftSection={<IconArrowBackUp size={16} />} disabled={!drawing} onClick={() => drawing?.undo()}>{t('undo')}</Button>
      </Group>
      <Group gap="xs">
        <Text size="sm" c="dimmed">{changed ? t('unsaved') : ''}</Text>
        <Button variant="default" onClick={trial} disabled={!drawing}>{t(changed ? 'saveAndTry' : 'try')}</Button>
        <May quiet area="decisions"><Button onClick={save} loading={saving} disabled={!changed}>{t('save')}</Button></May>
      </Group>
    </Group>
  )
}

function Problems({ model: m }: { model: Model }) {
  const t = useText(decision)
  return (
    <Alert color="yellow" mb="md" title={t('warnings', { count: m.problems?.length ?? 0 })}>
      <List size="sm">
        {m.problems?.map((p) => (
          <List.Item key={`${p.node ?? ''} ${p.line} ${p.message}`}>{p.node && <b>{p.node}: </b>}{p.message}</List.Item>
        ))}
      </List>
    </Alert>
  )
}
