import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Spotlight, spotlight } from '@mantine/spotlight'
import type { SpotlightActionData, SpotlightActionGroupData } from '@mantine/spotlight'
import { IconLanguage, IconLogout, IconMoon, IconSearch, IconSun, IconUser } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useState } from 'react'
import type { KeyboardEvent } from 'react'
import { useSession } from '~/features/access/session'
import { calledOf } from '~/features/profile/name'
import { api, ask } from '~/shared/api/client'
import { languages, useLocale, useText } from '~/shared/i18n'
import type { Language } from '~/shared/i18n'
import { shell } from './messages'
import { useNavigation } from './navigation'
import { useThings } from './things'

/** Palette finds pages, what is on them, people and commands by a word: Ctrl-K. */
export function Palette({ close }: { close: () => void }) {
  const t = useText(shell)
  const navigate = useNavigate()
  const [query, setQuery] = useState('')
  const people = usePeople(query, (id) => void navigate({ to: '/people/$ref', params: { ref: id } }))
  const things = useThings(query)
  const pages = usePages()
  const commands = useCommands()
  // The field to type in is painted before the list below it.
  const ready = useDeferredValue(true, false)
  // It closes only what it opened itself.
  useEffect(() => {
    spotlight.open()
    return () => spotlight.close()
  }, [])
  const found: SpotlightActionGroupData[] = [
    { group: t('palettePeople'), actions: people },
    { group: t('paletteThings'), actions: things },
  ]
  const fixed: SpotlightActionGroupData[] = [
    { group: t('palettePages'), actions: pages },
    { group: t('paletteCommands'), actions: commands },
  ]
  return (
    <Spotlight
      actions={ready ? [...found, ...keep(query, fixed)].filter((g) => g.actions.length > 0) : []}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={close}
      attributes={{ content: { 'aria-label': t('search') } }}
      shortcut={null}
      closeOnActionTrigger
      highlightQuery={false}
      filter={(_, all) => all}
      nothingFound={ready && t('paletteNothing')}
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }}
      transitionProps={{ transition: 'pop', duration: 100 }}
      scrollable
      styles={{ actionDescription: { opacity: 1 } }} // less is too little contrast on what is selected
      maxHeight={420}
      searchProps={{ onKeyDown: enterFirst, leftSection: <IconSearch size={18} stroke={1.7} />, placeholder: t('search'), 'aria-label': t('search') }}
    />
  )
}

// enterFirst opens what is first in the list where nothing was gone to: what the server
// found comes after the words were typed, and the list selects none of it.
function enterFirst(e: KeyboardEvent<HTMLInputElement>): void {
  if (e.key !== 'Enter' || e.nativeEvent.isComposing || document.querySelector('[data-action][data-selected]')) return
  document.querySelector<HTMLElement>('[role="dialog"] [data-action]')?.click()
}

// keep filters pages and commands by the words typed; what else there is was found by them.
function keep(query: string, groups: SpotlightActionGroupData[]): SpotlightActionGroupData[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (a: SpotlightActionData): boolean => {
    const text = `${a.label} ${Array.isArray(a.keywords) ? a.keywords.join(' ') : (a.keywords ?? '')}`.toLowerCase()
    return words.every((w) => text.includes(w))
  }
  return groups.map((g) => ({ ...g, actions: g.actions.filter(fits) }))
}

function usePages(): SpotlightActionData[] {
  const navigate = useNavigate()
  const { language } = useLocale()
  return useNavigation().map((n) => ({
    id: `page ${n.to}`,
    label: n.label[language],
    keywords: `${n.words ?? ''} ${Object.values(n.label).join(' ')}`,
    leftSection: <n.icon size={18} stroke={1.7} />,
    onClick: () => void navigate({ to: n.to }),
  }))
}

function usePeople(query: string, open: (id: string) => void): SpotlightActionData[] {
  const [text] = useDebouncedValue(query.trim(), 150)
  const { data } = useQuery({
    queryKey: ['profiles', 'search', text, 'palette'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/profiles', { params: { query: { query: text, limit: 6 } }, signal })),
    enabled: text.length >= 2,
    placeholderData: keepPreviousData,
  })
  if (text.length < 2) return []
  return (data?.items ?? []).map((p) => ({
    id: `person ${p.id}`,
    label: calledOf(p),
    description: p.identifiers.slice(0, 3).map((i) => i.value).join(' · '),
    leftSection: <IconUser size={18} stroke={1.7} />,
    onClick: () => open(p.id),
  }))
}

function useCommands(): SpotlightActionData[] {
  const t = useText(shell)
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  const { language, setLanguage } = useLocale()
  const { signOut } = useSession()
  const others = (Object.keys(languages) as Language[]).filter((l) => l !== language)
  return [
    {
      id: 'scheme', label: t(dark ? 'themeLight' : 'themeDark'), keywords: 'theme dark light dunkel hell',
      leftSection: dark ? <IconSun size={18} /> : <IconMoon size={18} />, onClick: () => setColorScheme(dark ? 'light' : 'dark'),
    },
    ...others.map((l) => ({
      id: `language ${l}`, label: `${t('language')}: ${languages[l]}`, keywords: 'language sprache', leftSection: <IconLanguage size={18} />, onClick: () => setLanguage(l),
    })),
    { id: 'out', label: t('signOut'), keywords: 'logout abmelden', leftSection: <IconLogout size={18} />, onClick: () => void signOut() },
  ]
}
