import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { AnswerOf, Schema } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'

export type Profile = AnswerOf<'get-profile'>
export type Identifier = Schema['Identifier']

export const profileQuery = (ref: string) =>
  queryOptions({
    queryKey: ['profiles', ref],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}', { params: { path: { ref }, query: { include: ['lineage'] } }, signal })),
    refetchInterval: 5_000,
  })

export const standingQuery = (ref: string) =>
  queryOptions({
    queryKey: ['profiles', ref, 'segments'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}/segments', { params: { path: { ref } }, signal })),
    refetchInterval: 5_000,
  })

export const identityQuery = (ref: string) =>
  queryOptions({
    queryKey: ['profiles', ref, 'identity'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}/identity', { params: { path: { ref } }, signal })),
  })

export const consentQuery = (ref: string) =>
  queryOptions({
    queryKey: ['profiles', ref, 'consent'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles/{ref}/consent', { params: { path: { ref } }, signal })),
  })

/** usePersonChange runs a change, waits until it can be read, and reads people again. */
export function usePersonChange<V, R>(change: (v: V) => Promise<R>) {
  const queries = useQueryClient()
  return useChange({ mutationFn: change, onSettled: () => queries.invalidateQueries({ queryKey: ['profiles'] }) })
}

/** sayOf says something of identifiers, and gives the fact's id. */
export const sayOf = (body: Schema['FactBody']): Promise<Schema['Fact']> =>
  ask(api.POST('/api/v1/identity/facts', { params: { query: { wait: 'applied' } }, body })) as Promise<Schema['Fact']>

export const withdraw = (id: string): Promise<unknown> =>
  ask(api.DELETE('/api/v1/identity/facts/{id}', { params: { path: { id }, query: { wait: 'applied' } } }))
