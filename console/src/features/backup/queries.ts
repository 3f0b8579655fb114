import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'

export type Backup = Schema['BackupView']
export type Plan = Schema['BackupPlan']
export type Job = Schema['Job']

export const backupsQuery = queryOptions({
  queryKey: ['backups'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/backups', { params: { query: { limit: 200 } }, signal })),
  refetchInterval: 10_000,
})

export const planQuery = queryOptions({ queryKey: ['backups', 'plan'], queryFn: ({ signal }) => ask(api.GET('/api/v1/backups/plan', { signal })) })

/** jobsOf are the newest jobs of a kind. */
export const jobsOf = (kind: 'backup' | 'backup_verify') =>
  queryOptions({
    queryKey: ['jobs', kind],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/jobs', { params: { query: { kind, limit: 100 } }, signal })),
    refetchInterval: 2_000,
  })
