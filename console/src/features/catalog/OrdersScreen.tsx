import { Badge, Button, Card, Group, Stack, Table, Text, Title } from '@mantine/core'
import { IconReceipt, IconUpload } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { isMasked } from '~/features/profile/name'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import { Sheet } from '~/shared/ui/Dialog'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { catalog } from './messages'
import { orderQuery, ordersQuery, refundOf } from './queries'
import type { Order } from './queries'
import { Values } from './Values'

const route = getRouteApi('/shell/orders')

/** OrdersScreen lists what people bought, and what came back. */
export function OrdersScreen() {
  const t = useText(catalog)
  const f = useFormats()
  const navigate = useNavigate()
  const { id } = route.useSearch()
  const list = useInfiniteQuery(ordersQuery)
  const isEmpty = (d: NonNullable<typeof list.data>): boolean => d.pages[0]?.items.length === 0
  const open = (to: string | undefined): void => void navigate({ to: '/orders', search: to ? { id: to } : {} })
  const load = <May area="imports"><Button component={Link} to="/imports/new" variant="default" leftSection={<IconUpload size={16} />}>{t('load')}</Button></May>
  const money = (n: number, o: Order): React.ReactNode => <span className="rp-num">{f.number(n)} {o.currency}</span>
  return (
    <Page title={t('orders')} lead={t('ordersLead')} actions={list.data && !isEmpty(list.data) && load}>
      <Async query={list} isEmpty={isEmpty} empty={<Empty title={t('ordersEmpty')} icon={IconReceipt} action={load}>{t('ordersEmptyText')}</Empty>}>
        {({ pages }) => (
          <DataTable
            label={t('orders')}
            rows={pages.flatMap((p) => p.items)}
            rowKey={(o) => o.id}
            open={(o) => open(o.id)}
            more={list.hasNextPage ? { load: () => void list.fetchNextPage(), loading: list.isFetchingNextPage } : undefined}
            columns={[
              { key: 'order', header: t('order'), width: 'minmax(140px, 1fr)', cell: (o) => <Text fw={550} span>{o.id}</Text> },
              { key: 'state', header: t('state'), width: '150px', cell: (o) => <State of={o} /> },
              { key: 'customer', header: t('customer'), width: 'minmax(180px, 1.4fr)', cell: (o) => o.customer?.value ?? <Text span c="dimmed" size="sm">{t('nobody')}</Text> },
              { key: 'total', header: t('total'), width: '150px', end: true, cell: (o) => money(o.gross, o) },
              { key: 'net', header: t('net'), width: '170px', end: true, cell: (o) => money(o.net, o) },
              { key: 'when', header: t('when'), width: '150px', end: true, cell: (o) => (o.time ? <Time at={o.time} /> : '–') },
            ]}
          />
        )}
      </Async>
      {id && <One id={id} close={() => open(undefined)} />}
    </Page>
  )
}

function State({ of: o }: { of: Order }) {
  const t = useText(catalog)
  const back = refundOf(o)
  if (back) return <Badge color="yellow">{t(back)}</Badge>
  const said = o.status && o.status !== 'purchased' ? o.status : t(o.purchased ? 'bought' : 'notBought')
  return <Badge color={o.purchased ? 'green' : 'gray'}>{said}</Badge>
}

function One({ id, close }: { id: string; close: () => void }) {
  const query = useQuery(orderQuery(id))
  const t = useText(catalog)
  return (
    <Sheet close={close} title={`${t('order')} ${id}`}>
      <Async query={query}>{(o) => <Known order={o} />}</Async>
    </Sheet>
  )
}

interface Line {
  product_id?: string
  name?: string
  quantity?: number
  price?: number
}

function Known({ order: o }: { order: Order }) {
  const t = useText(catalog)
  const f = useFormats()
  const lines = (Array.isArray(o.lines) ? o.lines : []) as Line[]
  const sums: Record<string, string> = {
    [t('total')]: `${f.number(o.gross)} ${o.currency}`,
    ...(o.refunded > 0 ? { [t('refunded')]: `${f.number(o.refunded)} ${o.currency}`, [t('net')]: `${f.number(o.net)} ${o.currency}` } : {}),
    ...(o.time ? { [t('when')]: f.time(o.time) } : {}),
  }
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <State of={o} />
        {/* Nobody is found by what is masked. */}
        {o.customer && !isMasked(o.customer.value) && <Link to="/people/$ref" params={{ ref: `${o.customer.namespace}:${o.customer.value}` }}>{t('openPerson')}</Link>}
      </Group>
      <Values title={t('order')} values={sums} />
      <section>
        <Title order={3} size="h3" mb={6}>{t('lines')}</Title>
        {lines.length === 0 ? <Text c="dimmed" size="sm">{t('noLines')}</Text> : (
          <Card padding={0}>
            <Table aria-label={t('lines')}>
              <Table.Thead><Table.Tr><Table.Th>{t('product')}</Table.Th><Table.Th ta="end">{t('quantity')}</Table.Th><Table.Th ta="end">{t('price')}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {lines.map((l, n) => (
                  <Table.Tr key={n}>
                    <Table.Td className="rp-break">{l.product_id ? <Link to="/catalog" search={{ id: l.product_id }}>{l.name || l.product_id}</Link> : l.name}</Table.Td>
                    <Table.Td ta="end" className="rp-num">{f.number(l.quantity ?? 1)}</Table.Td>
                    <Table.Td ta="end" className="rp-num">{l.price === undefined ? '' : f.number(l.price)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Card>
        )}
      </section>
      <Values title={t('fields')} values={o.fields} />
    </Stack>
  )
}
