import { Group, Text, Title } from '@mantine/core'
import { useEffect } from 'react'
import type { ReactNode } from 'react'
import { InPage } from '~/shared/states/inPage'

/** Page is a screen: its heading, what it is for, what can be done, and what it shows. */
export function Page(props: { title: string; lead?: ReactNode; back?: ReactNode; badge?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.title} · Rapport`
  }, [props.title])
  return (
    <InPage value={true}>
      {props.back && <div style={{ marginBottom: 6 }}>{props.back}</div>}
      <Group justify="space-between" align="flex-start" wrap="wrap" gap="md" mb="lg">
        <div style={{ minWidth: 0, flex: '1 1 420px' }}>
          <Group gap="sm" align="center">
            <Title order={1} className="rp-break">{props.title}</Title>
            {props.badge}
          </Group>
          {props.lead && (
            <Text c="dimmed" mt={4} maw={720} component="div">
              {props.lead}
            </Text>
          )}
        </div>
        {props.actions && <Group gap="xs">{props.actions}</Group>}
      </Group>
      {props.children}
    </InPage>
  )
}
