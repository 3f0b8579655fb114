import { call } from '~/shared/api/client'

/**
 * everyDocument asks a list for all that it has, with the documents: page after page,
 * since large ones end a page early. Some lists have them without being asked.
 */
export async function everyDocument<T>(path: string, signal: AbortSignal, include = '&include=document'): Promise<T[]> {
  const all: T[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: T[]; next: string | null } = await call(`${path}?limit=500${include}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { signal })
    all.push(...page.items)
    cursor = page.next
  }
  return all
}
