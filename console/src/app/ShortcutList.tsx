import { Group, Kbd, Table } from '@mantine/core'
import { useLocale, useText } from '~/shared/i18n'
import { Dialog } from '~/shared/ui/Dialog'
import { shell } from './messages'
import { useNavigation } from './navigation'

/** ShortcutList says which keys do what. */
export function ShortcutList({ close }: { close: () => void }) {
  const t = useText(shell)
  const { language } = useLocale()
  const navigation = useNavigation()
  const lines: [string[], string][] = [
    [['Ctrl', 'K'], t('shortPalette')],
    [['/'], t('shortFilter')],
    [['j', 'k'], t('shortRows')],
    [['Enter'], t('shortOpen')],
    [['Ctrl', 'Enter'], t('shortSave')],
    [['Space'], t('shortPause')],
    [['?'], t('shortHelp')],
    ...navigation.map((n): [string[], string] => [['g', n.letter], t('shortGo', { page: n.label[language] })]),
  ]
  return (
    <Dialog close={close} title={t('keyboard')}>
      <Table verticalSpacing={6} horizontalSpacing={0}>
        <Table.Tbody>
          {lines.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td>{what}</Table.Td>
              <Table.Td>
                <Group gap={4} justify="flex-end">
                  {keys.map((k) => <Kbd key={k} size="xs">{k}</Kbd>)}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Dialog>
  )
}
