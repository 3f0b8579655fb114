import { Button, Text } from '@mantine/core'
import { IconFileSpreadsheet, IconUpload } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { useText } from '~/shared/i18n'
import { BackLink } from '~/shared/ui/BackLink'
import { Page } from '~/shared/ui/Page'
import css from './Feed.module.css'
import { Map } from './Map'
import { feed } from './messages'

/** NewImportScreen takes a file, shows what becomes of it, and imports it. */
export function NewImportScreen() {
  const t = useText(feed)
  const [file, setFile] = useState<File>()
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const choose = (files: FileList | null): void => {
    setOver(false)
    if (files?.[0]) setFile(files[0])
  }
  return (
    <Page
      title={file ? file.name : t('add')}
      back={<BackLink to="/imports">{t('imports')}</BackLink>}
      lead={file && t('stepMapText')}
      actions={file && <Button variant="default" onClick={() => input.current?.click()}>{t('another')}</Button>}
    >
      <input ref={input} type="file" hidden tabIndex={-1} aria-label={t('choose')} onChange={(e) => choose(e.currentTarget.files)} />
      {file ? (
        <Map key={`${file.name} ${file.lastModified}`} file={file} />
      ) : (
        <div
          className={css.drop}
          data-over={over || undefined}
          onDragOver={(e) => { e.preventDefault(); setOver(true) }}
          onDragLeave={() => setOver(false)}
          onDrop={(e) => { e.preventDefault(); choose(e.dataTransfer.files) }}
        >
          <IconFileSpreadsheet size={40} stroke={1.3} aria-hidden />
          <Text fw={600}>{t('drop')}</Text>
          <Text size="sm" c="dimmed">{t('dropHint')}</Text>
          <Button mt="sm" leftSection={<IconUpload size={16} />} onClick={() => input.current?.click()}>{t('choose')}</Button>
        </div>
      )}
    </Page>
  )
}
