import { Button, Tabs } from '@mantine/core'
import { IconHandStop } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMayChange } from '~/features/retention/may'
import { purposesQuery } from '~/features/segment/builder/suggest'
import { call } from '~/shared/api/client'
import { useChange } from '~/shared/api/useChange'
import { History } from '~/shared/definition/History'
import { YamlTab } from '~/shared/definition/YamlTab'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { Page } from '~/shared/ui/Page'
import { useToasts } from '~/shared/ui/undo'
import type { Document } from './document'
import { policy } from './messages'
import { consentTabs } from './routes'
import type { ConsentTab } from './routes'
import { Rules } from './Rules'

const route = getRouteApi('/shell/consent')
const address = '/api/v1/consent-policy'

/** ConsentScreen is what an instance asks of consent: purposes, what events need, what signals mean. */
export function ConsentScreen() {
  const t = useText(policy)
  const { tab = 'rules' } = route.useSearch()
  const navigate = useNavigate()
  const may = useMayChange()
  const query = useQuery(purposesQuery)
  const [begun, begin] = useState(false)
  return (
    <Page title={t('title')} lead={<>{t('lead')}{!may && <> {t('mayNot')}</>}</>}>
      <Async query={query}>
        {(v) => {
          const nothing = v.version === 0
          if (nothing && !begun) {
            return <Empty title={t('noneTitle')} icon={IconHandStop} action={may && <Button onClick={() => begin(true)}>{t('begin')}</Button>}>{t('noneText')}</Empty>
          }
          const document = { ...(v.document as Document), ...(nothing ? { purposes: [{ key: '' }] } : {}) }
          return (
            <Tabs value={tab} onChange={(to) => void navigate({ to: '/consent', search: to === 'rules' ? {} : { tab: to as ConsentTab }, replace: true })} keepMounted={false}>
              <Tabs.List mb="lg">{consentTabs.map((name) => <Tabs.Tab key={name} value={name}>{t(`tab_${name}`)}</Tabs.Tab>)}</Tabs.List>
              <Tabs.Panel value="rules"><Edit key={v.version} document={document} version={v.version} readOnly={!may} /></Tabs.Panel>
              <Tabs.Panel value="yaml"><YamlTab document={document} /></Tabs.Panel>
              <Tabs.Panel value="history"><History address={address} invalidate={['consent-policy']} {...(may ? {} : { rollback: null })} /></Tabs.Panel>
            </Tabs>
          )
        }}
      </Async>
    </Page>
  )
}

/** Edit saves rules; taking it back saves the former ones, or ends the first. */
function Edit({ document, version, readOnly }: { document: Document; version: number; readOnly: boolean }) {
  const t = useText(policy)
  const toasts = useToasts()
  const queries = useQueryClient()
  const settled = { onSettled: () => Promise.all([['consent-policy'], ['versions']].map((queryKey) => queries.invalidateQueries({ queryKey }))) }
  const put = useChange({ mutationFn: (d: Document) => call(`${address}?wait=applied`, { method: 'PUT', body: d }), ...settled })
  const end = useChange({ mutationFn: () => call(`${address}/status?wait=applied`, { method: 'POST', body: { status: 'archived', version: 1 } }), ...settled })
  const back = (): Promise<unknown> => (version === 0 ? end.mutateAsync(undefined) : put.mutateAsync(document))
  return <Rules document={document} readOnly={readOnly} saving={put.isPending} error={put.error} save={(d) => put.mutate(d, { onSuccess: () => toasts.done(t('saved'), back) })} />
}
