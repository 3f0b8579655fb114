import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { call } from '~/shared/api/client'

/** Item is one of the catalog. */
export interface Item {
  id: string
  attributes?: Record<string, unknown>
  dimensions?: Record<string, unknown>
  updated_at: string
}

/** Order is what somebody bought. */
export interface Order {
  id: string
  customer: { namespace: string; value: string } | null
  purchased: boolean
  status?: string
  currency: string
  total?: number
  gross: number
  net: number
  refunded: number
  time: string | null
  updated_at: string
  lines?: unknown
  fields?: Record<string, unknown>
}

interface PageOf<T> {
  items: T[]
  next: string | null
}

const list = <T>(key: string, path: string) =>
  infiniteQueryOptions({
    queryKey: [key, 'list'],
    queryFn: ({ pageParam, signal }) => call<PageOf<T>>(`/api/v1/${path}?limit=100${pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''}`, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const itemsQuery = list<Item>('catalog', 'catalog/items')
export const ordersQuery = list<Order>('orders', 'orders')

export const itemQuery = (id: string) => queryOptions({ queryKey: ['catalog', id], queryFn: ({ signal }) => call<Item>(`/api/v1/catalog/items/${encodeURIComponent(id)}`, { signal }) })
export const orderQuery = (id: string) => queryOptions({ queryKey: ['orders', id], queryFn: ({ signal }) => call<Order>(`/api/v1/orders/${encodeURIComponent(id)}`, { signal }) })

/** refundOf says how much of an order came back; undefined: nothing. */
export const refundOf = (o: Pick<Order, 'refunded' | 'net'>): 'refunded' | 'partlyRefunded' | undefined => (o.refunded > 0 ? (o.net > 0 ? 'partlyRefunded' : 'refunded') : undefined)

/** itemName is what an item is called, where it has a name. */
export function itemName(i: Item): string {
  const name = i.attributes?.name ?? i.attributes?.title
  return typeof name === 'string' && name ? name : i.id
}
