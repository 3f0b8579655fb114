import { Alert, Group, Progress, Stack, Tabs, Text } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { api, ask } from '~/shared/api/client'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useFormats, useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import { identity } from './messages'
import { identityTabs } from './routes'
import type { IdentityTab } from './routes'
import { Rules } from './Rules'
import type { Document } from './Rules'

const route = getRouteApi('/shell/identity')

const rulesQuery = queryOptions({ queryKey: ['identity', 'rules'], queryFn: ({ signal }) => ask(api.GET('/api/v1/identity/rules', { signal })) })

const stateQuery = queryOptions({
  queryKey: ['identity', 'state'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/identity', { signal })),
  refetchInterval: (q) => (q.state.data?.applied === false ? 700 : 10_000),
})

/** IdentityScreen has the rules by which identifiers become people, and tries other ones. */
export function IdentityScreen() {
  const t = useText(identity)
  const { tab = 'rules' } = route.useSearch()
  const navigate = useNavigate()
  const query = useQuery(rulesQuery)
  const change = useApply()
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Applied />
      <Async query={query}>
        {(v) => {
          const document = v.document as Document
          return (
            <Tabs value={tab} onChange={(to) => void navigate({ to: '/identity', search: to === 'rules' ? {} : { tab: to as IdentityTab }, replace: true })} keepMounted={false}>
              <Tabs.List mb="lg">{identityTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}</Tabs.List>
              <Tabs.Panel value="rules">
                {v.version === 0 && <Text c="dimmed" mb="md">{t('builtIn')}</Text>}
                <Rules key={v.version} document={document} apply={change} />
              </Tabs.Panel>
              <Tabs.Panel value="yaml"><YamlTab document={document} /></Tabs.Panel>
              <Tabs.Panel value="history"><History address="/api/v1/identity/rules" invalidate={['identity']} /></Tabs.Panel>
            </Tabs>
          )
        }}
      </Async>
    </Page>
  )
}

/** useApply makes rules live; taking it back makes the former ones live. */
function useApply() {
  const t = useText(identity)
  const toasts = useToasts()
  const queries = useQueryClient()
  const put = useMutation({
    mutationFn: (d: Document) => ask(api.PUT('/api/v1/identity/rules', { body: d as never })),
    onSettled: () => Promise.all(['identity', 'versions', 'profiles'].map((first) => queries.invalidateQueries({ queryKey: [first] }))),
  })
  return {
    busy: put.isPending,
    error: put.error,
    run: (d: Document, before: Document): void =>
      put.mutate(d, { onSuccess: () => toasts.done(t('applied'), () => put.mutateAsync(before).then(() => toasts.done(t('saveUndo')))) }),
  }
}

/** Applied says how far the rules that hold are applied. */
function Applied() {
  const t = useText(identity)
  const f = useFormats()
  const { data: s } = useQuery(stateQuery)
  if (!s) return null
  if (!s.applied) {
    return (
      <Alert color="blue" mb="lg" title={t('progress', { share: f.percent(s.progress) })} aria-live="polite">
        <Stack gap={6}>
          <Progress value={100 * s.progress} aria-label={t('progress', { share: f.percent(s.progress) })} />
          <Text size="sm">{t('progressChanged', { merges: s.changed.merges, splits: s.changed.splits })}</Text>
        </Stack>
      </Alert>
    )
  }
  return (
    <Group gap={8} mb="lg">
      <Group gap={6} c="var(--rp-good)"><IconCircleCheck size={18} /><Text size="sm" fw={550} c="inherit">{t('done')}</Text></Group>
      <Text size="sm" c="dimmed">{t('doneText', { identifiers: s.identifiers, merges: s.merges, splits: s.splits })}</Text>
    </Group>
  )
}
