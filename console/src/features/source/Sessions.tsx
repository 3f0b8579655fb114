import { ActionIcon, Button, Group, NumberInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getHotkeyHandler } from '@mantine/hooks'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { api, ask } from '~/shared/api/client'
import type { Schema } from '~/shared/api/client'
import { useText } from '~/shared/i18n'
import { common } from '~/shared/i18n/common'
import { ProblemState } from '~/shared/states/ProblemState'
import { useToasts } from '~/shared/ui/undo'
import { source } from './messages'
import { bodyOf, useSourceChange } from './queries'
import type { Source } from './queries'

type Body = Schema['SourceBody']

const most = 1440
const inside = (minutes: number | string): boolean => Number.isInteger(Number(minutes)) && Number(minutes) >= 1 && Number(minutes) <= most

/** Sessions is after how much silence a session of the source ends, and at which points of sale it is another. */
export function Sessions({ source: s }: { source: Source }) {
  const t = useText(source)
  const c = useText(common)
  const toasts = useToasts()
  const put = useSourceChange((body: Body) => ask(api.PUT('/api/v1/sources/{key}', { params: { path: { key: s.key } }, body })))
  const form = useForm<{ timeout: number | string; points: { name: string; minutes: number | string }[] }>({
    initialValues: { timeout: s.session_timeout_minutes ?? '', points: (s.points_of_sale ?? []).map((p) => ({ name: p.name, minutes: p.session_timeout_minutes })) },
    validate: {
      timeout: (v) => (v === '' || inside(v) ? null : t('minutesWrong')),
      points: {
        name: (v, all) => (!v.trim() ? t('pointWrong') : all.points.filter((p) => p.name.trim() === v.trim()).length > 1 ? t('pointTwice') : null),
        minutes: (v) => (inside(v) ? null : t('minutesWrong')),
      },
    },
  })
  const submit = form.onSubmit(({ timeout, points }) => {
    const { session_timeout_minutes: _, points_of_sale: __, ...rest } = bodyOf(s)
    const body: Body = { ...rest, ...(timeout === '' ? {} : { session_timeout_minutes: Number(timeout) }), ...(points.length ? { points_of_sale: points.map((p) => ({ name: p.name.trim(), session_timeout_minutes: Number(p.minutes) })) } : {}) }
    put.mutate(body, { onSuccess: () => toasts.done(t('sessionsSaved'), () => put.mutateAsync(bodyOf(s))) })
  })
  return (
    <form onSubmit={submit} onKeyDown={getHotkeyHandler([['mod+Enter', () => submit()]])}>
      <Stack gap="lg" maw={640}>
        <Text c="dimmed">{t('sessionsLead')}</Text>
        <NumberInput label={t('timeout')} description={t('timeoutHint')} placeholder="20" min={1} max={most} allowDecimal={false} clampBehavior="none" maw={280} {...form.getInputProps('timeout')} />
        <section>
          <Title order={2} size="h3" mb={4}>{t('points')}</Title>
          <Text size="sm" c="dimmed" mb="sm">{t('pointsHint')}</Text>
          <Stack gap="sm">
            {form.values.points.map((_, i) => (
              <Group key={i} align="flex-start" wrap="nowrap" role="group" aria-label={t('point', { n: i + 1 })}>
                <TextInput style={{ flex: 1 }} label={t('pointName')} maxLength={200} {...form.getInputProps(`points.${i}.name`)} />
                <NumberInput w={160} label={t('minutes')} min={1} max={most} allowDecimal={false} clampBehavior="none" {...form.getInputProps(`points.${i}.minutes`)} />
                <ActionIcon variant="subtle" color="red" size={36} mt={24} aria-label={t('pointRemove', { n: i + 1 })} onClick={() => form.removeListItem('points', i)}><IconTrash size={16} /></ActionIcon>
              </Group>
            ))}
            <div><Button variant="default" size="xs" leftSection={<IconPlus size={14} />} onClick={() => form.insertListItem('points', { name: '', minutes: 20 })}>{t('pointAdd')}</Button></div>
          </Stack>
        </section>
        {put.error && <ProblemState error={put.error} compact />}
        <Group justify="flex-end"><Button type="submit" loading={put.isPending}>{c('save')}</Button></Group>
      </Stack>
    </form>
  )
}
