import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ask, call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { recordsOf } from './csv'

export type Import = Schema['Import']
export type Column = Schema['Column']

/** Mapping is a document as the server writes it: its columns are always a list. */
export type Mapping = Omit<Schema['Mapping'], 'columns'> & { columns: Column[] }

/** Looked is what a file's first rows say; examples are what they would become. */
export type Looked = Omit<Schema['Looked'], 'mapping' | 'sample'> & { mapping: Mapping; sample: string[][] }

/** RowError is a row that was not simply taken, as the report has it. */
export type RowError = Record<'line' | 'column' | 'value' | 'code' | 'reason' | 'mend', string>

const moving = (i: Import): boolean => i.state === 'queued' || i.state === 'running' || i.state === 'waiting'

export const importsQuery = queryOptions({
  queryKey: ['imports'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/imports', { params: { query: { limit: 200 } }, signal })),
  refetchInterval: (q) => ((q.state.data?.items ?? []).some(moving) ? 1_000 : 15_000),
})

export const importQuery = (id: string) =>
  queryOptions({
    queryKey: ['imports', id],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/imports/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (q) => (q.state.data && moving(q.state.data) ? 500 : false),
  })

const readReport = (text: string): { text: string; rows: RowError[] } => ({ text, rows: recordsOf<keyof RowError>(text) })

export const reportQuery = (id: string, rows: number) =>
  queryOptions({ queryKey: ['imports', id, 'report', rows], queryFn: ({ signal }) => call<string>(`/api/v1/imports/${encodeURIComponent(id)}/report`, { signal }), select: readReport })

export const mappingsQuery = queryOptions({
  queryKey: ['import-mappings'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/import-mappings', { params: { query: { limit: 500 } }, signal })),
})

/** head is as much of a file as is needed to look at it: packed tables are only read whole. */
function head(file: File): Blob {
  return /\.(csv|tsv|txt|jsonl|ndjson)$/i.test(file.name) ? file.slice(0, 512 * 1024) : file
}

/** lookQuery asks what a file's rows would become, with a mapping or the one that is suggested. */
export const lookQuery = (file: File, tried: Mapping | undefined) =>
  queryOptions({
    queryKey: ['import-look', file.name, file.size, file.lastModified, tried],
    queryFn: ({ signal }) => {
      const query = new URLSearchParams({ name: file.name, ...(tried ? { document: JSON.stringify(tried) } : {}) })
      return call<Looked>(`/api/v1/imports/suggest?${query}`, { method: 'POST', body: head(file), headers: { 'Content-Type': 'application/octet-stream' }, signal })
    },
    placeholderData: (former) => former,
    staleTime: Infinity,
    retry: false,
  })

export interface Order {
  file: File
  source: string
  historical: boolean
  /** the mapping to use, where it is not the one that is suggested, and the key to keep it under */
  mapping?: { key: string; document?: Mapping }
}

/** useImport keeps the mapping where it was changed, and sends the file. */
export function useImport() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async ({ file, source, historical, mapping }: Order) => {
      if (mapping?.document) await call(`/api/v1/import-mappings/${encodeURIComponent(mapping.key)}?wait=applied`, { method: 'PUT', body: mapping.document })
      const query = new URLSearchParams({ name: file.name, source, historical: String(historical), ...(mapping ? { mapping: mapping.key } : {}) })
      return call<Import>(`/api/v1/imports?${query}`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } })
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['imports'] }),
  })
}
