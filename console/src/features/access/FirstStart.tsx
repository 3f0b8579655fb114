import { Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { FormEvent } from 'react'
import { useText } from '~/shared/i18n'
import { Door, Refused } from './Door'
import { access } from './messages'
import { useSession } from './session'

const shortest = 12

/** FirstStart makes the first member, with the word that the link brought. */
export function FirstStart() {
  const t = useText(access)
  const navigate = useNavigate()
  const { signInFirst } = useSession()
  const [token] = useState(() => decodeURIComponent(location.hash.slice(1)))
  const [form, setForm] = useState({ name: '', email: '', password: '' })
  const [short, setShort] = useState(false)
  const go = useMutation({
    mutationFn: () => signInFirst({ token, ...form, email: form.email.trim() }),
    onSuccess: () => void navigate({ to: '/', replace: true }),
  })
  if (!token) {
    return (
      <Door title={t('noToken')}>
        <Title order={1} mb="sm">{t('noToken')}</Title>
        <Text c="dimmed">{t('noTokenNext')}</Text>
      </Door>
    )
  }
  const set = (key: keyof typeof form) => (e: FormEvent<HTMLInputElement>) => setForm({ ...form, [key]: e.currentTarget.value })
  const submit = (e: FormEvent): void => {
    e.preventDefault()
    const tooShort = [...form.password].length < shortest
    setShort(tooShort)
    if (!tooShort) go.mutate()
  }
  return (
    <Door title={t('firstTitle')}>
      <Title order={1} mb={6}>{t('firstTitle')}</Title>
      <Text c="dimmed" mb="lg">{t('firstLead')}</Text>
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label={t('name')} name="name" autoComplete="name" required withAsterisk={false} autoFocus value={form.name} onChange={set('name')} />
          <TextInput label={t('email')} type="email" name="email" autoComplete="username" required withAsterisk={false} value={form.email} onChange={set('email')} />
          <PasswordInput label={t('choosePassword')} description={t('passwordHint')} error={short && t('passwordShort')} autoComplete="new-password" name="password" required withAsterisk={false} value={form.password} onChange={set('password')} />
          {go.error && <Refused error={go.error} />}
          <Button type="submit" fullWidth size="md" loading={go.isPending}>{t('create')}</Button>
        </Stack>
      </form>
    </Door>
  )
}
