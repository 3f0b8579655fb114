import { Drawer, Modal, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'

interface Props {
  title: string
  close: () => void
  opened?: boolean
  size?: string
  children: ReactNode
}

const heading = (title: string): ReactNode => (
  <Text fw={620} size="lg" component="span">
    {title}
  </Text>
)

/** Dialog asks for something in the middle of the page. */
export function Dialog({ title, close, opened = true, size = 'md', children }: Props) {
  const t = useText(common)
  return (
    <Modal opened={opened} onClose={close} size={size} title={heading(title)} closeButtonProps={{ 'aria-label': t('close') }}>
      {children}
    </Modal>
  )
}

/** Sheet shows one thing of a list beside the list. */
export function Sheet({ title, close, opened = true, size = 'lg', children }: Props) {
  const t = useText(common)
  return (
    <Drawer opened={opened} onClose={close} size={size} position="right" title={heading(title)} closeButtonProps={{ 'aria-label': t('close') }}>
      {children}
    </Drawer>
  )
}
