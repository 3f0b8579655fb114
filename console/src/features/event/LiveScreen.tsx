import { Alert, Badge, Button, Group, SegmentedControl, Text, TextInput } from '@mantine/core'
import { IconActivity, IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { SavedViews } from '~/features/access/SavedViews'
import { nameOf } from '~/features/profile/name'
import { sourcesQuery } from '~/features/source/queries'
import { snippet } from '~/features/source/snippets'
import { useFormats, useText } from '~/shared/i18n'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { Code } from '~/shared/ui/Code'
import { Page } from '~/shared/ui/Page'
import css from './Live.module.css'
import { live } from './liveMessages'
import { LivePanel } from './LivePanel'
import type { LiveSearch } from './routes'
import { useLive } from './useLive'
import type { LiveEvent } from './useLive'

const route = getRouteApi('/shell/live')
const outcomes = ['stored', 'refused', 'dead_letter'] as const

/** LiveScreen shows events as they come in, each with what became of it. */
export function LiveScreen() {
  const t = useText(live)
  const search = route.useSearch()
  const [paused, setPaused] = useState(false)
  const [open, setOpen] = useState<LiveEvent>()
  const { events, came, missed, behind, error } = useLive(paused)
  const rows = useMemo(() => filtered(events, search), [events, search])
  const pause = useCallback(() => setPaused((on) => !on), [])
  useSpace(pause)
  return (
    <Page
      title={t('title')}
      lead={t('lead')}
      badge={<Badge color={paused ? 'yellow' : 'green'}>{paused ? t('pausedBehind', { count: behind }) : t('listening')}</Badge>}
      actions={<Actions search={search} paused={paused} pause={pause} />}
    >
      <Group mb="md" justify="space-between">
        <Filters search={search} />
        <Text size="sm" c="dimmed" className="rp-num" data-shown={rows.length}>{t('shown', { count: rows.length })}</Text>
      </Group>
      {missed > 0 && <Alert color="yellow" mb="md" data-missed={missed}>{t('missed', { count: missed })}</Alert>}
      {error !== undefined && events.length === 0 ? (
        <ProblemState error={error} />
      ) : events.length === 0 ? (
        <Listening />
      ) : (
        <div className={css.split} data-open={open ? true : undefined}>
          <Rows rows={rows} came={rows === events ? came : undefined} open={open} setOpen={setOpen} />
          {open && <LivePanel event={open} close={() => setOpen(undefined)} />}
        </div>
      )}
    </Page>
  )
}

// What stands around the rows is not drawn with each of their changes.
const Actions = memo(function Actions({ search, paused, pause }: { search: LiveSearch; paused: boolean; pause: () => void }) {
  const t = useText(live)
  const navigate = useNavigate()
  return (
    <>
      <SavedViews screen="live" search={{ source: search.source, outcome: search.outcome }} keeps={['source', 'outcome']} apply={(to) => void navigate({ to: '/live', search: to, replace: true })} />
      <Button variant="default" leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} onClick={pause}>
        {t(paused ? 'resume' : 'pause')}
      </Button>
    </>
  )
})

const Filters = memo(function Filters({ search }: { search: LiveSearch }) {
  const t = useText(live)
  const navigate = useNavigate()
  const set = (change: LiveSearch): void =>
    void navigate({ to: '/live', search: Object.fromEntries(Object.entries({ ...search, ...change }).filter(([, v]) => v)), replace: true })
  return (
    <Group maw="100%">
      <TextInput data-filter w={280} aria-label={t('filter')} placeholder={t('filter')} leftSection={<IconSearch size={16} />} value={search.q ?? ''} onChange={(e) => set({ q: e.currentTarget.value })} />
      <SegmentedControl
        aria-label={t('outcome')}
        value={search.outcome ?? ''}
        onChange={(v) => set({ outcome: v })}
        data={[{ value: '', label: t('every') }, ...outcomes.map((o) => ({ value: o, label: t(o) }))]}
      />
      {search.source && <Badge color="gray" rightSection={<button type="button" aria-label={t('everySource')} onClick={() => set({ source: '' })} style={{ border: 0, background: 'none', color: 'inherit', cursor: 'pointer' }}>×</button>}>{search.source}</Badge>}
    </Group>
  )
})

function filtered(events: readonly LiveEvent[], { q = '', source, outcome }: LiveSearch): readonly LiveEvent[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0 && !source && !outcome) return events
  return events.filter((e) => {
    if (source && e.source !== source) return false
    if (outcome && e.outcome !== outcome) return false
    const text = `${e.type} ${e.name} ${e.source} ${e.reason ?? ''} ${e.identifiers.map((i) => i.value).join(' ')}`.toLowerCase()
    return words.every((w) => text.includes(w))
  })
}

/** useSpace calls for the space bar, where it does nothing else. */
function useSpace(call: () => void): void {
  const latest = useRef(call)
  latest.current = call
  useEffect(() => {
    const press = (e: KeyboardEvent): void => {
      if (e.key !== ' ' || (e.target instanceof HTMLElement && e.target.closest('input, textarea, button, a, select, [role="dialog"]'))) return
      e.preventDefault()
      latest.current()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])
}

function Listening() {
  const t = useText(live)
  const key = useQuery(sourcesQuery).data?.items.flatMap((s) => s.write_keys)[0]?.key
  return (
    <Empty title={t('listeningTitle')} icon={IconActivity}>
      <Text mb="md">{t('listeningText')}</Text>
      {key && <div style={{ textAlign: 'start' }}><Code wrap text={snippet('curl', location.origin, key)} label="curl" /></div>}
    </Empty>
  )
}

// How many rows take turns: more than are drawn at once.
const turns = 128

/** Rows draws those in view. Where all events are shown, came says how many there were. */
function Rows({ rows, came, open, setOpen }: { rows: readonly LiveEvent[]; came: number | undefined; open: LiveEvent | undefined; setOpen: (e: LiveEvent) => void }) {
  const t = useText(live)
  const scroll = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => 34, overscan: 8, initialRect: { width: 800, height: 600 } })
  const choose = useCallback((e: LiveEvent) => setOpen(e), [setOpen])
  return (
    <div className={css.box}>
      <div className={`${css.row} ${css.head}`} aria-hidden="true">
        <span>{t('time')}</span>
        <span />
        <span className={css.wide}>{t('type')}</span>
        <span>{t('name')}</span>
        <span>{t('person')}</span>
        <span className={css.wide}>{t('source')}</span>
        <span className={`${css.end} ${css.wide}`}>{t('took')}</span>
      </div>
      <div className={css.scroll} ref={scroll} tabIndex={0} role="region" aria-label={t('title')}>
        {rows.length === 0 && <Empty compact title={t('nothingFits')} />}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const e = rows[item.index]
            // An event keeps its row as it moves down; a row that is done with is written anew.
            return e && <Row key={came === undefined ? e.number : (came - item.index) % turns} event={e} start={item.start} chosen={e.number === open?.number} choose={choose} />
          })}
        </div>
      </div>
    </div>
  )
}

/** tookOf is how long an event took, in ms: until it could be read, or was on disk. */
export function tookOf(e: LiveEvent): number | undefined {
  const end = e.applied_at ?? e.logged_at
  return end ? new Date(end).getTime() - new Date(e.received_at).getTime() : undefined
}

const Row = memo(function Row({ event: e, start, chosen, choose }: { event: LiveEvent; start: number; chosen: boolean; choose: (e: LiveEvent) => void }) {
  const t = useText(live)
  const f = useFormats()
  const took = tookOf(e)
  return (
    <button type="button" className={css.row} data-row style={{ transform: `translateY(${start}px)` }} aria-pressed={chosen} onClick={() => choose(e)}>
      <span className="rp-num">{f.clock(e.received_at)}</span>
      <span className={css.dot} data-outcome={e.outcome} role="img" aria-label={t(e.outcome)} title={t(e.outcome)} />
      <span className={`${css.dim} ${css.wide}`}>{e.type}</span>
      <span className="rp-ellipsis" style={{ fontWeight: 550 }}>{e.name || e.reason || e.type}</span>
      <span className={`rp-ellipsis ${css.dim}`}>{e.identifiers.length > 0 ? nameOf(e.identifiers, '') : ''}</span>
      <span className={`rp-ellipsis ${css.dim} ${css.wide}`}>{e.source}</span>
      <span className={`rp-num ${css.dim} ${css.end} ${css.wide}`}>{took === undefined ? '' : f.span(took)}</span>
    </button>
  )
})
