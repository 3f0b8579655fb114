import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconKeyboard, IconLayoutSidebar, IconMenu2, IconMoon, IconSearch, IconSun, IconUser } from '@tabler/icons-react'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { Suspense, lazy, useEffect, useRef, useState } from 'react'
import { SignIn } from '~/features/access/SignIn'
import { useSession } from '~/features/access/session'
import { useFormats, useLocale, useText } from '~/shared/i18n'
import { Loading } from '~/shared/states/Loading'
import { useEventRate } from './rate'
import { useNavigation } from './navigation'
import { navGroups } from './feature'
import { Mark } from './Mark'
import { shell } from './messages'
import { useShortcuts } from './shortcuts'
import css from './Shell.module.css'

// What nobody needs at first sight comes after it.
const Account = lazy(() => import('./Account').then((m) => ({ default: m.Account })))
const Palette = lazy(() => import('./Palette').then((m) => ({ default: m.Palette })))
const ShortcutList = lazy(() => import('./ShortcutList').then((m) => ({ default: m.ShortcutList })))

/** Shell is what stands around every screen, or the sign-in. */
export function Shell() {
  const { session } = useSession()
  if (session === 'unknown') return <Loading />
  if (session === 'out') return <SignIn />
  return <Frame />
}

function Frame() {
  const t = useText(shell)
  const [narrow, setNarrow] = useLocalStorage({ key: 'rapport.rail', defaultValue: false })
  const [open, setOpen] = useState(false)
  const [help, setHelp] = useState(false)
  const [palette, setPalette] = useState(false)
  useShortcuts({ help: () => setHelp(true), palette: () => setPalette((on) => !on) })
  const main = useRef<HTMLElement>(null)
  const pathname = useLocation({ select: (at) => at.pathname })
  useEffect(() => setOpen(false), [pathname])
  return (
    <div className={css.frame} data-narrow={narrow || undefined}>
      <a href="#content" className={css.skip} onClick={(e) => { e.preventDefault(); main.current?.focus() }}>
        {t('skip')}
      </a>
      <Rail narrow={narrow} toggle={() => setNarrow(!narrow)} open={open} />
      <div className={css.main}>
        <Bar openMenu={() => setOpen(!open)} help={() => setHelp(true)} find={() => setPalette(true)} />
        <main id="content" ref={main} tabIndex={-1} className={css.content} style={{ outline: 'none' }}>
          <Outlet />
        </main>
      </div>
      <Suspense>
        {palette && <Palette close={() => setPalette(false)} />}
        {help && <ShortcutList close={() => setHelp(false)} />}
      </Suspense>
    </div>
  )
}

function Rail({ narrow, toggle, open }: { narrow: boolean; toggle: () => void; open: boolean }) {
  const t = useText(shell)
  const { language } = useLocale()
  const navigation = useNavigation()
  return (
    <nav className={css.rail} aria-label={t('navigation')} data-open={open || undefined}>
      <Link to="/" className={css.brand} aria-label="Rapport">
        <Mark size={24} />
        <span>Rapport</span>
      </Link>
      {navGroups.map((group) => {
        const items = navigation.filter((n) => n.group === group)
        if (items.length === 0) return null
        return (
          <div key={group}>
            {group !== 'start' && <div className={css.group}>{t(group)}</div>}
            <ul className={css.list}>
              {items.map((item) => (
                <li key={item.to}>
                  <Link to={item.to} className={css.item} activeOptions={{ exact: item.to === '/', includeSearch: false }} aria-label={narrow ? item.label[language] : undefined} title={narrow ? item.label[language] : undefined}>
                    <item.icon size={18} stroke={1.7} />
                    <span>{item.label[language]}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        )
      })}
      <div style={{ flex: 1, minHeight: 12 }} />
      <ActionIcon variant="subtle" color="gray" onClick={toggle} aria-label={t(narrow ? 'expand' : 'collapse')} aria-pressed={narrow} mx={4}>
        <IconLayoutSidebar size={18} stroke={1.7} />
      </ActionIcon>
    </nav>
  )
}

function Bar({ openMenu, help, find }: { openMenu: () => void; help: () => void; find: () => void }) {
  const t = useText(shell)
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const dark = scheme === 'dark'
  const mac = /Mac|iPhone|iPad/.test(navigator.userAgent)
  return (
    <header className={css.bar}>
      <ActionIcon className={css.menu} variant="subtle" color="gray" onClick={openMenu} aria-label={t('menu')}>
        <IconMenu2 size={18} />
      </ActionIcon>
      <button type="button" className={css.find} onClick={find}>
        <IconSearch size={15} />
        <span className="rp-ellipsis">{t('search')}</span>
        <kbd>{mac ? '⌘ K' : 'Ctrl K'}</kbd>
      </button>
      <div style={{ flex: 1 }} />
      <Pulse />
      <ActionIcon variant="subtle" color="gray" onClick={help} aria-label={t('keyboard')} title={t('keyboard')} visibleFrom="sm">
        <IconKeyboard size={18} stroke={1.7} />
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" onClick={() => setColorScheme(dark ? 'light' : 'dark')} aria-label={t(dark ? 'themeLight' : 'themeDark')} title={t(dark ? 'themeLight' : 'themeDark')}>
        {dark ? <IconSun size={18} stroke={1.7} /> : <IconMoon size={18} stroke={1.7} />}
      </ActionIcon>
      <Suspense fallback={<ActionIcon variant="light" radius="xl" aria-label={t('account')}><IconUser size={17} stroke={1.8} /></ActionIcon>}>
        <Account />
      </Suspense>
    </header>
  )
}

function Pulse() {
  const t = useText(shell)
  const { compact } = useFormats()
  const rate = useEventRate()
  if (rate === undefined) return null
  const text = compact(rate >= 10 ? Math.round(rate) : Math.round(rate * 10) / 10)
  return (
    <Link to="/live" search={{}} className={css.pulse} title={t('rate', { rate: text })}>
      <span className={css.dot} data-live={rate > 0 || undefined} />
      <span className="rp-num">{t('rateShort', { rate: text })}</span>
    </Link>
  )
}
