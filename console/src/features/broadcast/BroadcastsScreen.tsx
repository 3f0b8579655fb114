import { Button, Group, Select, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconPlus, IconSend } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { segmentName, segmentsQuery } from '~/features/segment/queries'
import { isKey, slug } from '~/shared/definition/key'
import { useFormats, useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { broadcast } from './messages'
import { broadcastName, broadcastsQuery, destinationsQuery, putBroadcast, useBroadcastChange } from './queries'
import { StateBadge } from './StateBadge'

const route = getRouteApi('/shell/broadcasts')

/** BroadcastsScreen lists the broadcasts and what became of them. */
export function BroadcastsScreen() {
  const t = useText(broadcast)
  const f = useFormats()
  const navigate = useNavigate()
  const { new: creating } = route.useSearch()
  const query = useQuery(broadcastsQuery)
  const open = (on: boolean): void => void navigate({ to: '/broadcasts', search: on ? { new: true } : {} })
  const add = <May area="broadcasts"><Button leftSection={<IconPlus size={16} />} onClick={() => open(true)}>{t('add')}</Button></May>
  return (
    <Page title={t('broadcasts')} lead={t('lead')} actions={(query.data?.items.length ?? 0) > 0 && add}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty icon={IconSend} title={t('emptyTitle')} action={add}>{t('emptyText')}</Empty>}>
        {({ items }) => (
          <DataTable
            label={t('broadcasts')}
            rows={items}
            rowKey={(b) => b.key}
            open={(b) => void navigate({ to: '/broadcasts/$key', params: { key: b.key } })}
            columns={[
              { key: 'name', header: t('name'), width: 'minmax(200px, 2fr)', by: broadcastName, cell: (b) => <Link to="/broadcasts/$key" params={{ key: b.key }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>{broadcastName(b)}</Link> },
              { key: 'state', header: t('state'), width: '150px', by: (b) => b.standing.state, cell: (b) => <StateBadge state={b.standing.state} /> },
              { key: 'segment', header: t('segment'), width: 'minmax(120px, 1fr)', cell: (b) => b.segment },
              { key: 'begins', header: t('begins'), width: '180px', by: (b) => b.standing.begins ?? b.at ?? '', cell: (b) => (b.standing.begins ? f.time(b.standing.begins) : b.at ? f.time(b.at) : '–') },
              { key: 'sent', header: t('sent'), width: '120px', end: true, by: (b) => b.standing.sent, cell: (b) => <span className="rp-num">{f.number(b.standing.sent)}</span> },
            ]}
          />
        )}
      </Async>
      <Dialog opened={creating === true} close={() => open(false)} title={t('add')}>
        <NewBroadcast close={() => open(false)} />
      </Dialog>
    </Page>
  )
}

/** NewBroadcast asks for no more than what a draft needs. */
function NewBroadcast({ close }: { close: () => void }) {
  const t = useText(broadcast)
  const c = useText(common)
  const toasts = useToasts()
  const navigate = useNavigate()
  const segments = useQuery(segmentsQuery).data?.items.filter((s) => s.live_version !== null)
  const destinations = useQuery(destinationsQuery).data
  const form = useForm({
    initialValues: { name: '', key: '', segment: '', destination: '' },
    validate: {
      name: (v) => (v.trim() ? null : t('missing')),
      key: (v) => (isKey(v) ? null : t('keyWrong')),
      segment: (v) => (v ? null : t('missing')),
      destination: (v, all) => (v || (destinations?.length === 1 && all) ? null : t('missing')),
    },
  })
  const only = destinations?.length === 1 ? destinations[0]?.key : undefined
  const create = useBroadcastChange((v: typeof form.values) => {
    const to = v.destination || only || ''
    const mail = destinations?.find((d) => d.key === to)?.type === 'email'
    const content = mail ? { subject: v.name, html: beginning, track_opens: true, track_clicks: true } : { text: v.name }
    return putBroadcast(v.key, { name: v.name, segment: v.segment, destination: to, traits: ['first_name'], content }, true)
  })
  const submit = form.onSubmit((v) =>
    create.mutate(v, {
      onSuccess: () => {
        toasts.done(t('created', { name: v.name }))
        void navigate({ to: '/broadcasts/$key', params: { key: v.key } })
      },
    }),
  )
  const rename = (name: string): void => {
    const derived = form.values.key === slug(form.values.name)
    form.setFieldValue('name', name)
    if (derived) form.setFieldValue('key', slug(name))
  }
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])} noValidate>
      <Stack>
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} error={form.errors.name} value={form.values.name} onChange={(e) => rename(e.currentTarget.value)} />
        <TextInput label={t('key')} description={t('keyHint')} {...form.getInputProps('key')} />
        <Select searchable label={t('segment')} description={t('segmentHint')} data={(segments ?? []).map((s) => ({ value: s.key, label: segmentName(s) }))} {...form.getInputProps('segment')} value={form.values.segment || null} onChange={(v) => form.setFieldValue('segment', v ?? '')} />
        {segments?.length === 0 && <span>{t('noSegment')} <Link to="/segments/new">{t('makeSegment')}</Link></span>}
        <Select label={t('destination')} description={destinations?.length === 0 ? t('noDestination') : t('destinationHint')} data={(destinations ?? []).map((d) => ({ value: d.key, label: d.name || d.key }))} error={form.errors.destination} value={form.values.destination || only || null} onChange={(v) => form.setFieldValue('destination', v ?? '')} />
        {create.error && <ProblemState error={create.error} compact />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button type="submit" loading={create.isPending}>{t('create')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

// A mail that one can begin with: it greets, and one can leave.
const beginning = `<p>{{ person.traits.first_name | default: "Hello" }},</p>

<p>…</p>

<p><a href="{{ preferences_url }}">What you get</a> · <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
`
