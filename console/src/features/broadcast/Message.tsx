import { Alert, Badge, Button, Card, Group, Menu, Stack, Switch, TagsInput, Text, Textarea, TextInput, Title } from '@mantine/core'
import { IconPlus, IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useRef, useState } from 'react'
import { May } from '~/features/access/May'
import { nameOf, refOf } from '~/features/profile/name'
import { profileQuery } from '~/features/profile/queries'
import { traitsQuery } from '~/features/segment/builder/suggest'
import { useFormats, useText } from '~/shared/i18n'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { ctrlEnter } from '~/shared/ui/ctrlEnter'
import { useToasts } from '~/shared/ui/undo'
import css from './Broadcast.module.css'
import { broadcast, reasonText } from './messages'
import type { BroadcastKey } from './messages'
import { audienceQuery, destinationsQuery, documentOf, previewQuery, putBroadcast, typesQuery, useBroadcastChange } from './queries'
import type { Broadcast } from './queries'

const route = getRouteApi('/shell/broadcasts/$key')

type Content = Record<string, string | boolean>

const switches = ['track_opens', 'track_clicks']
const long = ['html', 'text', 'blocks', 'body']
const snippets = [
  ['insert_first_name', '{{ person.traits.first_name | default: "Hello" }}'],
  ['insert_unsubscribe', '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'],
  ['insert_preferences', '<a href="{{ preferences_url }}">What you get</a>'],
] as const

/** Message is the editor, with the message as one real person sees it. */
export function Message({ broadcast: b }: { broadcast: Broadcast }) {
  return (
    <div className={css.split}>
      <Editor key={b.version} broadcast={b} />
      <Shown broadcast={b} />
    </div>
  )
}

function Editor({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const toasts = useToasts()
  const destinations = useQuery(destinationsQuery).data
  const types = useQuery(typesQuery).data
  const traits = useQuery(traitsQuery).data
  const type = destinations?.find((d) => d.key === b.destination)?.type
  const fields = types?.items.find((x) => x.name === type)?.content ?? Object.keys((b.content ?? {}) as Content)
  const [content, setContent] = useState((b.content ?? {}) as Content)
  const [used, setUsed] = useState(b.traits ?? [])
  const save = useBroadcastChange(() => {
    const filled = Object.fromEntries(Object.entries(content).filter(([, v]) => v !== '' && v !== false))
    return putBroadcast(b.key, { ...documentOf(b), content: filled as never, traits: used })
  })
  const changed = JSON.stringify([content, used]) !== JSON.stringify([b.content ?? {}, b.traits ?? []])
  const frozen = b.standing.state !== 'draft'
  const put = (): void => {
    if (changed && !frozen) save.mutate(undefined, { onSuccess: () => toasts.done(t('saved'), () => putBroadcast(b.key, documentOf(b))) })
  }
  const set = (name: string, v: string | boolean): void => setContent({ ...content, [name]: v })
  return (
    <Stack
      onKeyDown={ctrlEnter(put, save.isPending)}
    >
      {frozen && <Alert color="gray">{t(b.standing.state === 'scheduled' ? 'frozenScheduled' : 'frozen')}</Alert>}
      {fields.filter((n) => !switches.includes(n)).map((name) => (
        <Field key={name} name={name} value={String(content[name] ?? '')} disabled={frozen} onChange={(v) => set(name, v)} />
      ))}
      <TagsInput label={t('traits')} description={t('traitsHint')} data={(traits?.items ?? []).map((x) => x.name)} value={used} disabled={frozen} onChange={setUsed} />
      {fields.filter((n) => switches.includes(n)).map((name) => (
        <Switch key={name} label={t(`field_${name}` as BroadcastKey)} checked={content[name] === true} disabled={frozen} onChange={(e) => set(name, e.currentTarget.checked)} />
      ))}
      {save.error && <ProblemState compact error={save.error} />}
      {!frozen && (
        <Group justify="flex-end" gap="xs">
          {changed && <Text size="sm" c="dimmed">{t('unsaved')}</Text>}
          {changed && (
            <Button variant="subtle" color="gray" onClick={() => { setContent((b.content ?? {}) as Content); setUsed(b.traits ?? []) }}>{t('discard')}</Button>
          )}
          <May quiet area="broadcasts"><Button disabled={!changed} loading={save.isPending} onClick={put}>{t('save')}</Button></May>
        </Group>
      )}
    </Stack>
  )
}

function Field({ name, value, disabled, onChange }: { name: string; value: string; disabled: boolean; onChange: (v: string) => void }) {
  const t = useText(broadcast)
  const box = useRef<HTMLTextAreaElement & HTMLInputElement>(null)
  const label = `field_${name}` in broadcast.en ? t(`field_${name}` as BroadcastKey) : name
  const insert = (text: string): void => {
    const at = box.current
    const [from, to] = [at?.selectionStart ?? value.length, at?.selectionEnd ?? value.length]
    onChange(value.slice(0, from) + text + value.slice(to))
    setTimeout(() => {
      at?.focus()
      at?.setSelectionRange(from + text.length, from + text.length)
    })
  }
  const more = name === 'reply_to' ? null : (
    <Menu position="bottom-end">
      <Menu.Target><Button size="compact-xs" variant="subtle" disabled={disabled} leftSection={<IconPlus size={12} />} aria-label={`${t('insert')}: ${label}`}>{t('insert')}</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('insertHint')}</Menu.Label>
        {snippets.filter(([key]) => name === 'html' || key === 'insert_first_name').map(([key, text]) => <Menu.Item key={key} onClick={() => insert(text)}>{t(key)}</Menu.Item>)}
      </Menu.Dropdown>
    </Menu>
  )
  const shared = { ref: box, value, disabled, 'aria-label': label, onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value) }
  return (
    <div>
      <Group justify="space-between" mb={4}>
        <Text size="sm" fw={550}>{label}</Text>
        {more}
      </Group>
      {long.includes(name) ? (
        <Textarea autosize minRows={name === 'html' ? 10 : 3} maxRows={24} {...shared} placeholder={name === 'text' ? t('hint_text') : ''} styles={name === 'html' ? { input: { fontFamily: 'var(--mantine-font-family-monospace)' } } : {}} />
      ) : (
        <TextInput {...shared} />
      )}
    </div>
  )
}

/** Shown is the message for one person: somebody of the audience, unless one is named. */
function Shown({ broadcast: b }: { broadcast: Broadcast }) {
  const t = useText(broadcast)
  const f = useFormats()
  const navigate = useNavigate()
  const { who } = route.useSearch()
  const audience = useQuery(audienceQuery(b.key, b.version))
  const some = audience.data?.examples.gets_it ?? []
  const [turn, setTurn] = useState(0)
  const chosen = who ?? some[turn % Math.max(1, some.length)]
  const [typed, type] = useState(who ?? '')
  useEffect(() => type(who ?? ''), [who])
  const query = useQuery(previewQuery(b.key, b.version, chosen))
  const look = (to: string): void => void navigate({ to: '/broadcasts/$key', params: { key: b.key }, search: to ? { who: to } : {}, replace: true })
  const shown = query.data
  return (
    <Card padding="md" className={css.side} component="section">
      <Title order={2} size="h3" mb="xs">{t('preview')}</Title>
      <form onSubmit={(e) => { e.preventDefault(); look(typed.trim() ? refOf(typed) : '') }}>
        <Group gap="xs" align="flex-end" wrap="nowrap">
          <TextInput style={{ flex: 1 }} label={t('previewPerson')} placeholder={t('previewHint')} value={typed} onChange={(e) => type(e.currentTarget.value)} />
          <Button type="submit" variant="default">{t('show')}</Button>
          {some.length > 1 && <Button variant="subtle" leftSection={<IconRefresh size={15} />} onClick={() => { look(''); setTurn(turn + 1) }}>{t('another')}</Button>}
        </Group>
      </form>
      <div style={{ marginTop: 16 }} aria-live="polite">
        {chosen === undefined && !audience.isPending && <Text c="dimmed" size="sm">{t('previewNobody')}</Text>}
        {query.error && <ProblemState compact error={query.error} />}
        {chosen !== undefined && query.isPending && <Loading lines={5} />}
        {shown && (
          <Stack gap="sm">
            <Group gap="xs">
              <Who id={shown.person} />
              <Badge color={shown.gets_it ? 'green' : 'yellow'}>{shown.gets_it ? t('getsIt') : t('getsItNot', { reason: reasonText(t, shown.reason ?? '') })}</Badge>
            </Group>
            {shown.not_before && <Text size="sm">{t('notBefore', { time: f.time(shown.not_before) })}</Text>}
            {shown.problem && <Alert color="red">{shown.problem}</Alert>}
            {shown.message && <Written message={shown.message} address={shown.address} />}
            <Text size="xs" c="dimmed">{t('previewSaved')}</Text>
          </Stack>
        )}
      </div>
    </Card>
  )
}

function Who({ id }: { id: string }) {
  const { data } = useQuery({ ...profileQuery(id), refetchInterval: false })
  return <Link to="/people/$ref" params={{ ref: id }} style={{ fontWeight: 550 }}>{data ? nameOf(data.identifiers, data.id) : id}</Link>
}

// MailFrame shows HTML as its reader sees it. The server sends it back under a
// policy of its own, which allows the styles that e-mails are made of: a frame that
// had it from this page would have this page's policy.
function MailFrame({ html, title }: { html: string; title: string }) {
  const name = useId()
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => form.current?.submit(), [])
  return (
    <>
      <form ref={form} method="post" action="/console/frame" target={name} hidden>
        <textarea name="html" readOnly value={html} />
      </form>
      <iframe className={css.frame} name={name} sandbox="" title={title} />
    </>
  )
}

/** Written is the message; its HTML is in a frame that may do nothing. */
function Written({ message, address }: { message: Record<string, string>; address: string | undefined }) {
  const t = useText(broadcast)
  const { subject, html, text, title, ...rest } = message
  return (
    <div className={css.mail}>
      <div className={css.mailHead}>
        {address && <Text size="xs" c="dimmed">{t('address')}: {address}</Text>}
        <Text fw={600} className="rp-break">{subject ?? title}</Text>
      </div>
      {html ? <MailFrame key={html} html={html} title={t('preview')} /> : <div className={css.text}>{text}</div>}
      {Object.entries(rest).map(([name, value]) => <div key={name} className={css.text}><b>{name}</b> {value}</div>)}
      {html && /<img/i.test(html) && <Text size="xs" c="dimmed" p="xs">{t('images')}</Text>}
    </div>
  )
}
