import { Button } from '@mantine/core'
import { IconTableImport, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { May } from '~/features/access/May'
import { useFormats, useText } from '~/shared/i18n'
import type { Formats } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { Empty } from '~/shared/states/Empty'
import { DataTable } from '~/shared/ui/DataTable'
import type { Column } from '~/shared/ui/DataTable'
import { Page } from '~/shared/ui/Page'
import { Time } from '~/shared/ui/Time'
import { ImportState } from './ImportState'
import { feed } from './messages'
import type { FeedText } from './messages'
import { importsQuery } from './queries'
import type { Import } from './queries'

/** ImportsScreen lists the tables that were loaded, and what became of their rows. */
export function ImportsScreen() {
  const t = useText(feed)
  const f = useFormats()
  const navigate = useNavigate()
  const query = useQuery(importsQuery)
  const add = <May area="imports"><Button component={Link} to="/imports/new" leftSection={<IconUpload size={16} />}>{t('add')}</Button></May>
  return (
    <Page title={t('imports')} lead={t('lead')} actions={(query.data?.items.length ?? 0) > 0 && add}>
      <Async query={query} isEmpty={(d) => d.items.length === 0} empty={<Empty title={t('emptyTitle')} icon={IconTableImport} action={add}>{t('emptyText')}</Empty>}>
        {({ items }) => <DataTable label={t('imports')} rows={items} columns={columns(t, f)} rowKey={(i) => i.id} open={(i) => void navigate({ to: '/imports/$id', params: { id: i.id } })} />}
      </Async>
    </Page>
  )
}

function columns(t: FeedText, f: Formats): Column<Import>[] {
  const number = (n: number): React.ReactNode => <span className="rp-num">{f.number(n)}</span>
  return [
    { key: 'name', header: t('name'), width: 'minmax(200px, 2fr)', cell: (i) => <Link to="/imports/$id" params={{ id: i.id }} tabIndex={-1} style={{ color: 'inherit', fontWeight: 550 }}>{i.name || i.id}</Link> },
    { key: 'state', header: t('state'), width: '130px', cell: (i) => <ImportState state={i.state} /> },
    { key: 'source', header: t('source'), width: 'minmax(100px, 1fr)', cell: (i) => i.source },
    { key: 'rows', header: t('rows'), width: '110px', end: true, cell: (i) => number(i.sums.rows) },
    { key: 'failed', header: t('failed'), width: '140px', end: true, cell: (i) => number(i.sums.failed) },
    { key: 'time', header: t('time'), width: '150px', end: true, cell: (i) => <Time at={i.created_at} /> },
  ]
}
