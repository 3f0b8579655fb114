import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Spotlight, spotlight } from '@mantine/spotlight'
import type { SpotlightActionData, SpotlightActionGroupData } from '@mantine/spotlight'
import { IconLanguage, IconLogout, IconMoon, IconSearch, IconSun, IconUser } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useState } from 'react'
import { useSession } from '~/features/access/session'
import { calledOf } from '~/features/profile/name'
import { api, ask } from '~/shared/api/client'
import { languages, useLocale, useText } from '~/shared/i18n'
import type { Language } from '~/shared/i18n'
import { navigation } from './features'
import { shell } from './messages'

/** Palette finds pages, people and commands by a word: Ctrl-K. */
export function Palette({ close }: { close: () => void }) {
  const t = useText(shell)
  const navigate = useNavigate()
  const [query, setQuery] = useState('')
  const people = usePeople(query, (id) => void navigate({ to: '/people/$ref', params: { ref: id } }))
  const pages = usePages()
  const commands = useCommands()
  // The field to type in is painted before the list below it.
  const ready = useDeferredValue(true, false)
  // It closes only what it opened itself.
  useEffect(() => {
    spotlight.open()
    return () => spotlight.close()
  }, [])
  const groups: SpotlightActionGroupData[] = [
    { group: t('palettePages'), actions: pages },
    { group: t('paletteCommands'), actions: commands },
  ]
  if (people.length > 0) groups.unshift({ group: t('palettePeople'), actions: people })
  return (
    <Spotlight
      actions={ready ? keep(query, groups, t('palettePeople')) : []}
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
      searchProps={{ leftSection: <IconSearch size={18} stroke={1.7} />, placeholder: t('search'), 'aria-label': t('search') }}
    />
  )
}

// keep filters pages and commands by the words typed; people were found by the server.
function keep(query: string, groups: SpotlightActionGroupData[], people: string): SpotlightActionGroupData[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (a: SpotlightActionData): boolean => {
    const text = `${a.label} ${Array.isArray(a.keywords) ? a.keywords.join(' ') : (a.keywords ?? '')}`.toLowerCase()
    return words.every((w) => text.includes(w))
  }
  return groups
    .map((g) => (g.group === people ? g : { ...g, actions: g.actions.filter(fits) }))
    .filter((g) => g.actions.length > 0)
}

function usePages(): SpotlightActionData[] {
  const navigate = useNavigate()
  const { language } = useLocale()
  return navigation.map((n) => ({
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
