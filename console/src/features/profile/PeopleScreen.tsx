import { Avatar, Badge, Group, Select, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch, IconUserQuestion, IconUsers } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { SavedViews } from '~/features/access/SavedViews'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Loading } from '~/shared/states/Loading'
import { ProblemState } from '~/shared/states/ProblemState'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { profile } from './messages'
import { calledOf, initials } from './name'

const route = getRouteApi('/shell/people')

type Summary = Pick<Schema['ProfileSummary'], 'id' | 'full_name' | 'identifiers'>

/** how many people each pause in typing asks for: as many as are in view */
const firstRows = 20

/** PeopleScreen finds people by the beginning of an identifier, or by parts of a name. */
export function PeopleScreen() {
  const t = useText(profile)
  const { q = '', segment = '' } = route.useSearch()
  const segments = useQuery({ queryKey: ['segments', 'keys'], queryFn: ({ signal }) => ask(api.GET('/api/v1/segments', { params: { query: { limit: 500 } }, signal })) }).data?.items ?? []
  const navigate = useNavigate()
  const [typed, setTyped] = useState(q)
  const [text] = useDebouncedValue(typed.trim(), 200)
  // What is typed goes into the address, and an address that somebody went to, back
  // or from elsewhere, says what is typed.
  const address = useRef({ seen: q, written: q })
  useEffect(() => {
    const went = q !== address.current.seen && q !== address.current.written
    address.current.seen = q
    if (went) {
      address.current.written = q
      setTyped(q)
      return
    }
    // Who is looked up is somebody, whichever segment they are in.
    if (text === q || (text === '' && segment !== '')) return
    address.current.written = text
    void navigate({ to: '/people', search: text ? { q: text } : {}, replace: true })
  }, [text, q, segment, navigate])
  const choose = (to: string | null): void => {
    setTyped('')
    void navigate({ to: '/people', search: to ? { segment: to } : {}, replace: true })
  }
  return (
    <Page title={t('people')} lead={t('peopleLead')} actions={<SavedViews screen="people" search={{ segment }} keeps={['segment']} apply={(to) => choose(to.segment ?? null)} />}>
      <Group mb="lg" gap="sm" align="flex-start">
      <TextInput
        data-filter
        size="md"
        w={420}
        aria-label={t('search')}
        placeholder={t('searchPlaceholder')}
        leftSection={<IconSearch size={17} stroke={1.7} />}
        value={typed}
        autoFocus
        onChange={(e) => setTyped(e.currentTarget.value)}
      />
      <Select size="md" w={280} aria-label={t('inSegment')} placeholder={t('inSegment')} clearable searchable data={[...new Set([...segments.map((s) => s.key), ...(segment ? [segment] : [])])]} value={segment || null} onChange={choose} comboboxProps={{ shadow: 'md' }} />
      </Group>
      {q ? <Found query={q} /> : segment ? <Members of={segment} /> : <Empty title={t('startTitle')} icon={IconUsers}>{t('startText')}</Empty>}
    </Page>
  )
}

/** Members are the people of a segment. */
function Members({ of }: { of: string }) {
  const t = useText(profile)
  const navigate = useNavigate()
  const query = useInfiniteQuery({
    queryKey: ['segments', of, 'members'],
    queryFn: ({ pageParam, signal }) => ask(api.GET('/api/v1/segments/{key}/members', { params: { path: { key: of }, query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  })
  return (
    <Async query={query} isEmpty={(d) => d.pages[0]?.items.length === 0} empty={<Empty title={t('nobodyIn', { segment: of })} icon={IconUserQuestion} />}>
      {({ pages }) => (
        <DataTable
          label={t('people')}
          rows={pages.flatMap((p) => p.items).map((m) => ({ id: m.id, identifiers: m.identifiers ?? [] }))}
          columns={columns(t)}
          rowKey={(r) => r.id}
          rowHeight={56}
          open={(r) => void navigate({ to: '/people/$ref', params: { ref: r.id } })}
          more={query.hasNextPage ? { load: () => void query.fetchNextPage(), loading: query.isFetchingNextPage } : undefined}
        />
      )}
    </Async>
  )
}

function Found({ query }: { query: string }) {
  const t = useText(profile)
  const f = useFormats()
  const navigate = useNavigate()
  const found = useInfiniteQuery({
    queryKey: ['profiles', 'search', query],
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET('/api/v1/profiles', { params: { query: { query, ...(pageParam ? { limit: 100, cursor: pageParam } : { limit: firstRows }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  })
  if (found.error && !found.data) return <ProblemState error={found.error} retry={() => void found.refetch()} />
  if (!found.data) return <Loading />
  const rows = found.data.pages.flatMap((p) => p.items)
  const coverage = found.data.pages.at(-1)?.coverage ?? 1
  const indexing = coverage < 1 ? t('indexing', { share: f.percent(Math.floor(coverage * 1000) / 1000) }) : ''
  if (rows.length === 0) return <Empty title={t('nobodyTitle', { query })} icon={IconUserQuestion}>{indexing || t('nobodyText')}</Empty>
  return (
    <>
    {indexing && <Text size="sm" c="dimmed" mb="sm" role="status">{indexing}</Text>}
    <DataTable
      label={t('people')}
      rows={rows}
      columns={columns(t)}
      rowKey={(r) => r.id}
      rowHeight={56}
      open={(r) => void navigate({ to: '/people/$ref', params: { ref: r.id } })}
      more={found.hasNextPage ? { load: () => void found.fetchNextPage(), loading: found.isFetchingNextPage } : undefined}
    />
    </>
  )
}

function columns(t: ReturnType<typeof useText<keyof (typeof profile)['en']>>): Column<Summary>[] {
  return [
    {
      key: 'person',
      header: t('person'),
      width: 'minmax(240px, 1.4fr)',
      cell: (r) => {
        const name = calledOf(r)
        const anonymous = r.identifiers.every((i) => i.namespace === 'anonymous_id')
        return (
          <Group gap="sm" wrap="nowrap">
            <Avatar size={32} radius="xl" color={anonymous ? 'gray' : 'iris'}>{anonymous ? '?' : initials(name)}</Avatar>
            <Link to="/people/$ref" params={{ ref: r.id }} tabIndex={-1} className="rp-ellipsis" style={{ color: 'inherit', fontWeight: 550 }}>
              {name}
            </Link>
            {anonymous && <Badge color="gray">{t('anonymous')}</Badge>}
          </Group>
        )
      },
    },
    {
      key: 'identifiers',
      header: t('identifiers'),
      width: 'minmax(260px, 2fr)',
      cell: (r) => {
        const [shown, rest] = [r.identifiers.slice(0, 3), r.identifiers.length - 3]
        return (
          <Text size="sm" c="dimmed" className="rp-ellipsis">
            {shown.map((i) => `${i.namespace} ${i.value}`).join('  ·  ')}
            {rest > 0 && `  ${t('moreIdentifiers', { count: rest })}`}
          </Text>
        )
      },
    },
    { key: 'last', header: t('lastSeen'), width: '140px', end: true, cell: (r) => <Time at={latest(r)} /> },
  ]
}

function latest(r: Summary): string | undefined {
  return r.identifiers.map((i) => i.last_seen).sort().at(-1)
}
