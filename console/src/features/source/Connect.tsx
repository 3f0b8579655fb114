import { Alert, Card, Group, Loader, SegmentedControl, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { useState } from 'react'
import type { Schema } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { Code } from '~/shared/ui/Code'
import { source } from './messages'
import type { Source } from './queries'
import { kinds, snippet } from './snippets'
import type { Kind } from './snippets'

/** Connect has the snippets, and waits for the first event. */
export function Connect({ source: s, health }: { source: Source; health: Schema['SourceHealth'] | undefined }) {
  const t = useText(source)
  const [kind, setKind] = useState<Kind>(s.kind === 'web' ? 'browser' : s.kind === 'server' ? 'node' : 'curl')
  const key = s.write_keys[0]?.key
  return (
    <Stack gap="lg" maw={860}>
      {health && <Arrival health={health} />}
      {key === undefined ? (
        <Alert color="yellow">{t('noKey')}</Alert>
      ) : (
        <div>
          <Text fw={600} mb={6} id="snippet-kind">{t('language')}</Text>
          <SegmentedControl mb="sm" aria-labelledby="snippet-kind" value={kind} onChange={(v) => setKind(v as Kind)} data={kinds.map((k) => ({ value: k, label: t(`sdk_${k}`) }))} />
          <Code text={snippet(kind, location.origin, key)} label={t(`sdk_${kind}`)} />
          <Text size="sm" c="dimmed" mt={6}>{t('snippetHint')}</Text>
        </div>
      )}
    </Stack>
  )
}

/** Arrival waits for the first event, and tells of the last one afterwards. */
export function Arrival({ health }: { health: Schema['SourceHealth'] }) {
  const t = useText(source)
  const f = useFormats()
  const there = health.received > 0
  return (
    <Card padding="md" aria-live="polite">
      <Group wrap="nowrap">
        {there ? (
          <ThemeIcon color="green" variant="light" radius="xl" size={36}><IconCheck size={20} /></ThemeIcon>
        ) : (
          <Loader size={30} type="dots" />
        )}
        <div style={{ flex: 1 }}>
          <Text fw={600}>{t(there ? 'arrivedTitle' : 'firstTitle')}</Text>
          <Text c="dimmed" size="sm">
            {there ? t('arrivedText', { count: health.received, ago: health.last_received_at ? f.ago(health.last_received_at) : '' }) : t('firstText')}
          </Text>
        </div>
      </Group>
    </Card>
  )
}
