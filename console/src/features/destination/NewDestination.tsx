import { Button, Group, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import { isKey, slug } from '~/shared/definition/key'
import { useText } from '~/shared/i18n'
import { Async } from '~/shared/states/Async'
import { useToasts } from '~/shared/ui/undo'
import css from './Destination.module.css'
import { DestinationForm } from './DestinationForm'
import { anyKind, kindIcons } from './kindIcons'
import { destination, worded } from './messages'
import { putDestination, typesQuery, useDestinationChange } from './queries'
import type { Document, Type } from './queries'
import { beginningOf } from './settings'

/** NewDestination asks for the kind, then for what that kind needs. */
export function NewDestination({ kind, choose, close }: { kind: string | undefined; choose: (kind: string | undefined) => void; close: () => void }) {
  const t = useText(destination)
  const query = useQuery(typesQuery)
  return (
    <Async query={query}>
      {({ items }) => {
        const type = items.find((x) => x.name === kind)
        if (type) return <Connect key={type.name} type={type} back={() => choose(undefined)} close={close} />
        return (
          <Stack>
            <Title order={3} size="h3">{t('choose')}</Title>
            <div className={css.kinds}>
              {items.map((x) => {
                const Icon = kindIcons[x.name] ?? anyKind
                return (
                  <UnstyledButton key={x.name} className={css.kind} onClick={() => choose(x.name)}>
                    <Icon size={24} stroke={1.5} aria-hidden />
                    <Text fw={600} component="span">{x.title}</Text>
                    <Text size="sm" c="dimmed" component="span">{worded(t, 'about', x.name) === x.name ? x.about : worded(t, 'about', x.name)}</Text>
                  </UnstyledButton>
                )
              })}
            </div>
          </Stack>
        )
      }}
    </Async>
  )
}

function Connect({ type, back, close }: { type: Type; back: () => void; close: () => void }) {
  const t = useText(destination)
  const toasts = useToasts()
  const navigate = useNavigate()
  const [name, setName] = useState(type.title)
  const [key, setKey] = useState(slug(type.title))
  const [wrong, setWrong] = useState(false)
  const create = useDestinationChange(({ document, draft }: { document: Document; draft: boolean }) => putDestination(key, document, { create: true, draft }))
  const archive = useDestinationChange(() => ask(api.POST('/api/v1/destinations/{key}/status', { params: { path: { key } }, body: { version: 1, status: 'archived' } })))
  const save = (document: Document, draft: boolean): void => {
    const fits = isKey(key)
    setWrong(!fits)
    if (!fits) return
    create.mutate({ document: { ...document, name }, draft }, {
      onSuccess: () => {
        toasts.done(t(draft ? 'drafted' : 'connected', { name }), () => archive.mutateAsync(undefined).then(() => toasts.done(t('undoConnect', { name }))))
        void navigate({ to: '/destinations/$key', params: { key }, search: {} })
      },
    })
  }
  const rename = (to: string): void => {
    if (key === slug(name)) setKey(slug(to))
    setName(to)
  }
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={3} size="h3">{type.title}</Title>
        <Button variant="subtle" size="compact-sm" color="gray" leftSection={<IconChevronLeft size={15} />} onClick={back}>{t('back')}</Button>
      </Group>
      <Group grow align="flex-start">
        <TextInput data-autofocus label={t('name')} description={t('nameHint')} required value={name} onChange={(e) => rename(e.currentTarget.value)} />
        <TextInput label={t('key')} description={t('keyHint')} required value={key} error={wrong && t('keyWrong')} onChange={(e) => setKey(e.currentTarget.value)} />
      </Group>
      <DestinationForm type={type} document={{ type: type.name, settings: beginningOf(type.name) }} saving={create.isPending} error={create.error} save={(d) => save(d, false)} draft={(d) => save(d, true)} cancel={close} />
    </Stack>
  )
}
