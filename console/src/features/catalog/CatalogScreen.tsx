import { Button, Stack, Text } from '@mantine/core'
import { IconPackage, IconUpload } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { call } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { catalog } from './messages'
import { itemName, itemQuery, itemsQuery } from './queries'
import type { Item } from './queries'
import { Values } from './Values'

const route = getRouteApi('/shell/catalog')

/** CatalogScreen lists the items that people look at and buy. */
export function CatalogScreen() {
  const t = useText(catalog)
  const navigate = useNavigate()
  const { id } = route.useSearch()
  const list = useInfiniteQuery(itemsQuery)
  const isEmpty = (d: NonNullable<typeof list.data>): boolean => d.pages[0]?.items.length === 0
  const open = (to: string | undefined): void => void navigate({ to: '/catalog', search: to ? { id: to } : {} })
  const load = <May area="imports"><Button component={Link} to="/imports/new" variant="default" leftSection={<IconUpload size={16} />}>{t('load')}</Button></May>
  return (
    <Page title={t('catalog')} lead={t('catalogLead')} actions={list.data && !isEmpty(list.data) && load}>
      <Async query={list} isEmpty={isEmpty} empty={<Empty title={t('catalogEmpty')} icon={IconPackage} action={load}>{t('catalogEmptyText')}</Empty>}>
        {({ pages }) => (
          <DataTable
            label={t('catalog')}
            rows={pages.flatMap((p) => p.items)}
            rowKey={(i) => i.id}
            open={(i) => open(i.id)}
            more={list.hasNextPage ? { load: () => void list.fetchNextPage(), loading: list.isFetchingNextPage } : undefined}
            columns={[
              { key: 'name', header: t('item'), width: 'minmax(200px, 1.6fr)', cell: (i) => <Text fw={550} span>{itemName(i)}</Text> },
              { key: 'id', header: t('id'), width: 'minmax(120px, 1fr)', cell: (i) => <code>{i.id}</code> },
              { key: 'attributes', header: t('attributes'), width: 'minmax(220px, 2fr)', cell: (i) => <Text size="sm" c="dimmed" className="rp-ellipsis">{shortly({ ...i.attributes, ...i.dimensions })}</Text> },
              { key: 'changed', header: t('changed'), width: '150px', end: true, cell: (i) => <Time at={i.updated_at} /> },
            ]}
          />
        )}
      </Async>
      {id && <One id={id} close={() => open(undefined)} />}
    </Page>
  )
}

const shortly = (values: Record<string, unknown>): string => Object.entries(values).filter(([n]) => n !== 'name').map(([n, v]) => `${n} ${typeof v === 'string' ? v : JSON.stringify(v)}`).join('  ·  ')

function One({ id, close }: { id: string; close: () => void }) {
  const t = useText(catalog)
  const query = useQuery(itemQuery(id))
  return (
    <Sheet close={close} title={query.data ? itemName(query.data) : id}>
      <Async query={query}>{(i) => <Known item={i} close={close} title={t('remove')} />}</Async>
    </Sheet>
  )
}

function Known({ item: i, close, title }: { item: Item; close: () => void; title: string }) {
  const t = useText(catalog)
  const toasts = useToasts()
  const queries = useQueryClient()
  const address = `/api/v1/catalog/items/${encodeURIComponent(i.id)}?wait=applied`
  const again = (): Promise<unknown> => queries.invalidateQueries({ queryKey: ['catalog'] })
  const remove = useMutation({ mutationFn: () => call(address, { method: 'DELETE' }), onSettled: again })
  const back = (): Promise<unknown> => call(address, { method: 'PUT', body: { attributes: i.attributes ?? {}, dimensions: i.dimensions ?? {} } }).then(again)
  return (
    <Stack gap="lg">
      <Text size="sm" c="dimmed"><code>{i.id}</code> · {t('changed')} <Time at={i.updated_at} /></Text>
      <Values title={t('attributes')} values={i.attributes} />
      <Values title={t('dimensions')} values={i.dimensions} />
      {Object.keys({ ...i.attributes, ...i.dimensions }).length === 0 && <Text c="dimmed">{t('nothingKnown')}</Text>}
      <div><Button variant="subtle" color="red" loading={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: () => { close(); toasts.done(t('removed', { name: itemName(i) }), back) }, onError: toasts.failed })}>{title}</Button></div>
    </Stack>
  )
}
