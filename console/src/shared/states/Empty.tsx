import { Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { IconInbox } from '@tabler/icons-react'
import { useContext } from 'react'
import type { ComponentType, ReactNode } from 'react'
import { InPage } from './inPage'

/** Empty says that there is nothing, why, and what to do about it. */
export function Empty(props: {
  title: string
  children?: ReactNode
  action?: ReactNode
  icon?: ComponentType<{ size?: number; stroke?: number }>
  tone?: 'gray' | 'green' | 'red' | 'yellow'
  compact?: boolean
  role?: string
}) {
  const Icon = props.icon ?? IconInbox
  const inPage = useContext(InPage)
  return (
    <Stack align="center" gap="xs" py={props.compact ? 'xl' : 64} px="md" ta="center" role={props.role}>
      <ThemeIcon size={props.compact ? 40 : 52} radius="xl" variant="light" color={props.tone ?? 'gray'} mb={4}>
        <Icon size={props.compact ? 20 : 26} stroke={1.6} />
      </ThemeIcon>
      <Title order={inPage ? 2 : 1} size="h2">{props.title}</Title>
      {props.children && (
        <Text c="dimmed" maw={460} component="div">
          {props.children}
        </Text>
      )}
      {props.action && <div style={{ marginTop: 12 }}>{props.action}</div>}
    </Stack>
  )
}
