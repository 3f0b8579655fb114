import { Button, Group, Select, Stack, TagsInput } from '@mantine/core'
import { IconDownload, IconUsers } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { nameOf } from '~/features/profile/name'
import { api, ask, file } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Dialog } from '~/shared/ui/Dialog'
import { download } from '~/shared/ui/download'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { traitsQuery, useNamespaces } from './builder/suggest'
import { segment } from './messages'
import { Why } from './Why'

/** Members are who is in the segment, and why. */
export function Members({ segmentKey: key, who }: { segmentKey: string; who: string | undefined }) {
  const t = useText(segment)
  const navigate = useNavigate()
  const [exporting, setExporting] = useState(false)
  const query = useInfiniteQuery({
    queryKey: ['segments', key, 'members'],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => ask(api.GET('/api/v1/segments/{key}/members', { params: { path: { key }, query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: (last) => last.next ?? undefined,
  })
  return (
    <Stack gap="lg">
      <Why segmentKey={key} who={who} />
      <Async query={query} isEmpty={(d) => d.pages[0]?.items.length === 0} empty={<Empty compact icon={IconUsers} title={t('noMembers')}>{t('noMembersText')}</Empty>}>
        {({ pages }) => (
          <div>
            <Group justify="flex-end" mb="sm">
              <Button variant="default" leftSection={<IconDownload size={16} />} onClick={() => setExporting(true)}>{t('export')}</Button>
            </Group>
            <DataTable
              label={t('tab_members')}
              rows={pages.flatMap((p) => p.items)}
              rowKey={(m) => m.id}
              open={(m) => void navigate({ to: '/people/$ref', params: { ref: m.id } })}
              more={query.hasNextPage ? { load: () => void query.fetchNextPage(), loading: query.isFetchingNextPage } : undefined}
              columns={[
                { key: 'person', header: t('person'), width: 'minmax(220px, 2fr)', cell: (m) => <Link to="/people/$ref" params={{ ref: m.id }} tabIndex={-1}>{nameOf(m.identifiers ?? [], m.id)}</Link> },
                { key: 'since', header: t('memberSince'), width: '180px', cell: (m) => <Time at={m.since} /> },
                {
                  key: 'why',
                  header: t('why'),
                  width: '110px',
                  end: true,
                  cell: (m) => <Button size="compact-sm" variant="subtle" onClick={() => void navigate({ to: '/segments/$key', params: { key }, search: { tab: 'members', who: m.id } })}>{t('why')}</Button>,
                },
              ]}
            />
          </div>
        )}
      </Async>
      {exporting && <Export segmentKey={key} close={() => setExporting(false)} />}
    </Stack>
  )
}

/** Export writes everybody who is in it into a file. */
function Export({ segmentKey: key, close }: { segmentKey: string; close: () => void }) {
  const t = useText(segment)
  const c = useText(common)
  const toasts = useToasts()
  const traits = useQuery(traitsQuery)
  const namespaces = useNamespaces()
  const [format, setFormat] = useState('csv')
  const [columns, setColumns] = useState<string[]>([])
  const [identifiers, setIdentifiers] = useState<string[]>(['email'])
  const load = useMutation({
    mutationFn: async () => {
      const query = new URLSearchParams({ format, ...(columns.length ? { traits: columns.join(',') } : {}), ...(identifiers.length ? { identifiers: identifiers.join(',') } : {}) })
      download(await file(`/api/v1/segments/${encodeURIComponent(key)}/export?${query}`), `${key}.${format}`)
    },
    onSuccess: () => {
      toasts.done(t('exported'))
      close()
    },
    onError: toasts.failed,
  })
  return (
    <Dialog title={t('exportTitle')} close={close}>
      <Stack>
        <Select label={t('exportFormat')} data={[{ value: 'csv', label: 'CSV' }, { value: 'jsonl', label: 'JSON Lines' }, { value: 'parquet', label: 'Parquet' }]} value={format} onChange={(v) => setFormat(v ?? 'csv')} allowDeselect={false} />
        <TagsInput label={t('exportIdentifiers')} data={namespaces} value={identifiers} onChange={setIdentifiers} />
        <TagsInput label={t('exportTraits')} description={t('exportTraitsHint')} data={(traits.data?.items ?? []).map((x) => x.name)} value={columns} onChange={setColumns} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{c('cancel')}</Button>
          <Button data-autofocus leftSection={<IconDownload size={16} />} loading={load.isPending} onClick={() => load.mutate()}>{t('exportNow')}</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
