import { Alert, Badge, Button, Checkbox, Group, MultiSelect, Stack, Text } from '@mantine/core'
import { IconDownload, IconEraser, IconShieldLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { PersonPicker } from '~/features/profile/PersonPicker'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import type { Formats } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { privacy } from './messages'
import type { PrivacyText } from './messages'
import { listsQuery, requestsQuery, usePrivacyChange } from './queries'
import type { Request } from './queries'
import type { RequestType } from './routes'

const route = getRouteApi('/shell/privacy')

const colors: Record<Request['state'], string> = { queued: 'gray', running: 'blue', done: 'green', failed: 'red' }

/** RequestState is how far a request is, in a word. */
export function RequestState({ state }: { state: Request['state'] }) {
  const t = useText(privacy)
  return <Badge color={colors[state]}>{t(`state_${state}`)}</Badge>
}

/** PrivacyScreen lists what people asked for, and asks for more. */
export function PrivacyScreen() {
  const t = useText(privacy)
  const f = useFormats()
  const navigate = useNavigate()
  const { new: asked, who } = route.useSearch()
  const query = useQuery(requestsQuery)
  const go = (to: RequestType | undefined): void => void navigate({ to: '/privacy', search: to ? { new: to } : {} })
  const buttons = (
    <Group gap="xs">
      <Button variant="default" leftSection={<IconDownload size={16} />} onClick={() => go('access')}>{t('askAccess')}</Button>
      <Button color="red" variant="light" leftSection={<IconEraser size={16} />} onClick={() => go('erasure')}>{t('askErasure')}</Button>
    </Group>
  )
  return (
    <Page title={t('title')} lead={t('lead')} actions={(query.data?.items.length ?? 0) > 0 && buttons}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('emptyTitle')} icon={IconShieldLock} action={buttons}>{t('emptyText')}</Empty>}>
        {({ items }) => <DataTable label={t('title')} rows={items} columns={columns(t, f)} rowKey={(r) => r.id} open={(r) => void navigate({ to: '/privacy/$id', params: { id: r.id } })} />}
      </Async>
      {asked && (
        <Dialog close={() => go(undefined)} title={t(asked === 'access' ? 'askAccess' : 'askErasure')}>
          <Ask key={asked} type={asked} who={who} close={() => go(undefined)} />
        </Dialog>
      )}
    </Page>
  )
}

function columns(t: PrivacyText, f: Formats): Column<Request>[] {
  return [
    { key: 'type', header: t('type'), width: 'minmax(160px, 1fr)', cell: (r) => <Link to="/privacy/$id" params={{ id: r.id }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>{t(`type_${r.type}`)} <code>{r.id.replace(/^pr_/, '').slice(0, 8)}</code></Link> },
    { key: 'state', header: t('state'), width: '140px', cell: (r) => <RequestState state={r.state} /> },
    { key: 'identifiers', header: t('identifiers'), width: '130px', end: true, cell: (r) => <span className="rp-num">{f.number(r.identifiers)}</span> },
    { key: 'asked', header: t('asked'), width: '160px', end: true, cell: (r) => <Time at={r.created_at} /> },
    { key: 'ended', header: t('ended'), width: '160px', end: true, cell: (r) => (r.finished_at ? <Time at={r.finished_at} /> : '–') },
  ]
}

function Ask({ type, who, close }: { type: RequestType; who: string | undefined; close: () => void }) {
  const t = useText(privacy)
  const c = useText(common)
  const toasts = useToasts()
  const navigate = useNavigate()
  const [person, setPerson] = useState(who)
  const [sure, setSure] = useState(false)
  const [lists, setLists] = useState<string[]>([])
  const known = useQuery({ ...listsQuery, enabled: type === 'erasure' }).data?.items ?? []
  const ask_ = usePrivacyChange((ref: string) => ask(api.POST('/api/v1/privacy/requests', { body: { type, identifiers: [ref], ...(lists.length ? { suppress: lists } : {}) } })))
  const ready = person !== undefined && (type === 'access' || sure)
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (!ready) return
        ask_.mutate(person, {
          onSuccess: (r) => {
            toasts.done(t(`started_${type}`))
            void navigate({ to: '/privacy/$id', params: { id: r.id } })
          },
        })
      }}
    >
      <Stack>
        {type === 'erasure' ? <Alert color="red">{t('erasureText')}</Alert> : <Text c="dimmed" size="sm">{t('accessText')}</Text>}
        <PersonPicker label={t('person')} description={t('personHint')} value={person} change={setPerson} />
        {type === 'erasure' && known.length > 0 && <MultiSelect label={t('suppress')} description={t('suppressHint')} data={known.map((l) => ({ value: l.key, label: l.name || l.key }))} value={lists} onChange={setLists} />}
        {type === 'erasure' && <Checkbox label={t('sure')} checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} />}
        {ask_.error && <ProblemState error={ask_.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" disabled={!ready} loading={ask_.isPending} {...(type === 'erasure' ? { color: 'red' } : {})}>{t(type === 'access' ? 'export' : 'erase')}</Button>
        </Group>
      </Stack>
    </form>
  )
}
