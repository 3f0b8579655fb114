import { Stack, Text } from '@mantine/core'
import { useMemo } from 'react'
import { stringify } from 'yaml'
import { useText } from '~/shared/i18n'
import { Code } from '~/shared/ui/Code'
import { definition } from './messages'

/** yamlOf writes a document as people read it. */
export function yamlOf(document: unknown): string {
  return typeof document === 'string' ? document : stringify(document, { lineWidth: 100 })
}

/** YamlTab shows a definition's document. */
export function YamlTab({ document }: { document: unknown }) {
  const t = useText(definition)
  const text = useMemo(() => yamlOf(document), [document])
  return (
    <Stack gap="xs">
      <Text c="dimmed" size="sm">{t('yamlHint')}</Text>
      <Code text={text} label={t('yamlLabel')} height={640} />
    </Stack>
  )
}
