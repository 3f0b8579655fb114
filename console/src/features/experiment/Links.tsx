import { Button, Card, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconLink } from '@tabler/icons-react'
import { useState } from 'react'
import { call } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { Code } from '~/shared/ui/Code'
import { Time } from '~/shared/ui/Time'
import { useToasts } from '~/shared/ui/undo'
import { experiment } from './messages'
import { useExperimentChange } from './queries'
import type { Stored } from './queries'

type Link = Schema['ExperimentLink']

/** Links force a variant on whoever opens them, so that it can be looked at; they are not counted. */
export function Links({ stored: e }: { stored: Stored }) {
  const t = useText(experiment)
  const toasts = useToasts()
  const [url, setUrl] = useState('')
  const [made, setMade] = useState<Record<string, Link>>({})
  const make = useExperimentChange((variant: string) =>
    call<Link>(`/api/v1/experiments/${encodeURIComponent(e.key)}/qa`, { method: 'POST', body: { variant, ...(url.trim() ? { url: url.trim() } : {}) } }),
  )
  return (
    <Stack maw={780}>
      <Text c="dimmed">{t('linksLead')}</Text>
      <TextInput label={t('pageUrl')} description={t('pageUrlHint')} placeholder="https://www.example.com/checkout" value={url} onChange={(x) => setUrl(x.currentTarget.value)} />
      {(e.document.variants ?? []).map((v) => {
        const link = made[v.key]
        return (
          <Card key={v.key} padding="md">
            <Group justify="space-between">
              <Text fw={550}>{v.name || v.key}</Text>
              <Button variant="default" size="xs" leftSection={<IconLink size={14} />} onClick={() => make.mutate(v.key, { onSuccess: (l) => setMade((was) => ({ ...was, [v.key]: l })), onError: toasts.failed })}>{t('makeLink')}</Button>
            </Group>
            {link && (
              <Stack gap={4} mt="sm">
                <Code wrap text={link.url ?? link.token} label={t('linkOf', { name: v.name || v.key })} />
                <Text size="xs" c="dimmed">{t('validUntil')} <Time exact at={link.until} />{!link.url && ` · ${t('tokenHint')}`}</Text>
              </Stack>
            )}
          </Card>
        )
      })}
    </Stack>
  )
}
