import { Alert, Anchor, Button, Divider, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { FormEvent } from 'react'
import { useText } from '~/shared/i18n'
import { Door, Refused, RefusedElsewhere } from './Door'
import { access } from './messages'
import { useSession } from './session'
import { waysQuery } from './ways'

/** SignIn asks who is there: a member, or somebody with a secret key. */
export function SignIn() {
  const t = useText(access)
  const { away } = useSession()
  const [withKey, setWithKey] = useState(false)
  return (
    <Door title={t('title')}>
      <Title order={1} mb="lg">{t(withKey ? 'keyTitle' : 'title')}</Title>
      {away && <Alert color="yellow" mb="md">{t('starting')}</Alert>}
      <RefusedElsewhere />
      {withKey ? <KeyForm /> : <><MemberForm /><Elsewhere /></>}
      <Text ta="center" mt="lg">
        <Anchor component="button" type="button" onClick={() => setWithKey(!withKey)}>
          {t(withKey ? 'withPassword' : 'withKey')}
        </Anchor>
      </Text>
    </Door>
  )
}

function MemberForm() {
  const t = useText(access)
  const { signIn } = useSession()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const go = useMutation({ mutationFn: () => signIn(email.trim(), password) })
  const submit = (e: FormEvent): void => {
    e.preventDefault()
    go.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput label={t('email')} type="email" name="email" autoComplete="username" required withAsterisk={false} autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
        <PasswordInput label={t('password')} name="password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
        {go.error && <Refused error={go.error} />}
        <Button type="submit" fullWidth size="md" loading={go.isPending}>{t('signIn')}</Button>
      </Stack>
    </form>
  )
}

// Elsewhere are the ways in beside a password: a passkey, and the provider at
// which members sign in.
function Elsewhere() {
  const t = useText(access)
  const { data } = useQuery(waysQuery)
  const { signInWithPasskey } = useSession()
  const go = useMutation({ mutationFn: signInWithPasskey })
  const passkeys = data?.passkeys && 'PublicKeyCredential' in window
  if (!data?.openid && !passkeys) return null
  const here = `${location.pathname.replace(/^\/console/, '') || '/'}${location.search}`
  const to = here.length > 1000 ? '/' : here // the server takes no longer one
  return (
    <>
      <Divider label={t('or')} my="md" />
      <Stack gap="sm">
        {passkeys && <Button variant="default" fullWidth size="md" loading={go.isPending} onClick={() => go.mutate()}>{t('withPasskey')}</Button>}
        {data.openid && (
          <Button component="a" variant="default" fullWidth size="md" href={`${data.openid.url}?to=${encodeURIComponent(to)}`}>
            {t('withProvider', { name: data.openid.name })}
          </Button>
        )}
        {go.error && (go.error instanceof DOMException ? <Alert color="yellow">{t('passkeyGaveUp')}</Alert> : <Refused error={go.error} />)}
      </Stack>
    </>
  )
}

function KeyForm() {
  const t = useText(access)
  const { signInWithKey } = useSession()
  const [key, setKey] = useState('')
  const go = useMutation({ mutationFn: () => signInWithKey(key.trim()) })
  const submit = (e: FormEvent): void => {
    e.preventDefault()
    go.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <PasswordInput label={t('key')} description={t('keyHint')} name="key" autoComplete="off" required withAsterisk={false} autoFocus value={key} onChange={(e) => setKey(e.currentTarget.value)} />
        {go.error && <Refused error={go.error} />}
        <Button type="submit" fullWidth size="md" loading={go.isPending}>{t('signIn')}</Button>
      </Stack>
    </form>
  )
}
