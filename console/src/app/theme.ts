import { createTheme } from '@mantine/core'
import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core'

const iris: MantineColorsTuple = ['#eef1fe', '#dfe4fd', '#c5cdfb', '#a3aff7', '#8190f2', '#6370ea', '#4f56dc', '#4245c0', '#373a9b', '#30347a']
// Cooler and deeper than Mantine's greys, so that text on them keeps its contrast.
const dark: MantineColorsTuple = ['#e8eaef', '#c8cdd8', '#a2a9b8', '#7d8596', '#4b5263', '#343a48', '#252a35', '#171a21', '#11141a', '#0b0d11']
const gray: MantineColorsTuple = ['#f8f9fb', '#f1f3f6', '#e6e9ee', '#d7dce3', '#bcc3ce', '#969fae', '#646d7e', '#474f5e', '#2f3643', '#1a1f29']

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { light: 7, dark: 6 },
  colors: { iris, dark, gray },
  defaultRadius: 'md',
  fontFamily: "InterVariable, Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Cantarell, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: {
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  autoContrast: true,
  // By name, not by Component.extend: the theme must not load components.
  components: {
    Badge: { defaultProps: { variant: 'light', radius: 'sm' }, styles: { root: { textTransform: 'none', fontWeight: 550, letterSpacing: 0 } } },
    Button: { defaultProps: { size: 'sm' }, styles: { root: { fontWeight: 550 } } },
    Card: { defaultProps: { withBorder: true, padding: 'lg', radius: 'lg' } },
    Paper: { defaultProps: { radius: 'lg' } },
    Input: { defaultProps: { size: 'sm' } },
    // A dialog's head is no banner of the page.
    Drawer: { defaultProps: { attributes: { header: { role: 'presentation' } } } },
    Modal: { defaultProps: { attributes: { header: { role: 'presentation' } }, radius: 'lg', centered: true, overlayProps: { backgroundOpacity: 0.45 } } }, // to blur the page takes longer than all else
    Combobox: { defaultProps: { keepMounted: false } }, // lists come when they are opened
    SegmentedControl: { styles: { root: { maxWidth: '100%', overflowX: 'auto' } } },
    Skeleton: { defaultProps: { radius: 'sm' } },
    Table: { defaultProps: { verticalSpacing: 'xs', horizontalSpacing: 'md' } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300 } },
  },
})

// The light variants of the colours that mean something: ground and text, first
// on white, then on black. Mantine's own are too pale to read.
const meanings: Record<string, [string, string, string, string]> = {
  iris: ['#eaedfd', '#34379a', '#262b52', '#c3ccfc'],
  gray: ['#eef0f4', '#434b5b', '#2a303c', '#c5cad6'],
  green: ['#e2f5e9', '#135c2f', '#133324', '#93e2b1'],
  yellow: ['#fdf3d7', '#6f4500', '#3a2d10', '#f3cf85'],
  red: ['#fdeaea', '#931d26', '#43191d', '#ffb3b6'],
  blue: ['#e4f0fd', '#124f8f', '#152f4d', '#a5d2ff'],
}

// Mantine's own is too pale below white letters.
const filled = { '--mantine-color-red-filled': '#c92a2a', '--mantine-color-red-filled-hover': '#b02525' }

function light(dark: boolean): Record<string, string> {
  const at = dark ? 2 : 0
  return Object.fromEntries(
    Object.entries(meanings).flatMap(([name, tones]) => [
      [`--mantine-color-${name}-light`, tones[at] ?? ''],
      [`--mantine-color-${name}-light-hover`, `color-mix(in srgb, ${tones[at]} 88%, ${tones[at + 1]})`],
      [`--mantine-color-${name}-light-color`, tones[at + 1] ?? ''],
    ]),
  )
}

export const variables: CSSVariablesResolver = () => ({
  variables: {
    '--mantine-cursor-type': 'pointer',
  },
  light: {
    ...light(false),
    ...filled,
    '--mantine-color-body': '#ffffff',
    '--mantine-color-dimmed': '#576072',
    '--mantine-color-placeholder': '#6d7587',
    '--mantine-color-anchor': '#3b3fb5',
    '--mantine-color-error': '#c01f2e',
    '--rp-canvas': '#f7f8fa',
    '--rp-surface': '#ffffff',
    '--rp-line': '#e5e8ed',
    '--rp-hover': '#f3f5f8',
    '--rp-selected': '#eef1fe',
    '--rp-code': '#f5f6f9',
    '--rp-added': '#e4f6ea',
    '--rp-added-text': '#14602f',
    '--rp-removed': '#fdecec',
    '--rp-removed-text': '#8f1d24',
    '--rp-good': '#1b7f47',
    '--rp-warn': '#8f5600',
    '--rp-bad': '#b42330',
  },
  dark: {
    ...light(true),
    ...filled,
    '--mantine-color-dimmed': '#a2a9b8',
    '--mantine-color-placeholder': '#8b93a4',
    '--mantine-color-anchor': '#a9b4fa',
    '--mantine-color-error': '#ff8a8f',
    '--rp-canvas': '#101318',
    '--rp-surface': '#171a21',
    '--rp-line': '#2a303c',
    '--rp-hover': '#1f242d',
    '--rp-selected': '#23284a',
    '--rp-code': '#12151b',
    '--rp-added': '#12301f',
    '--rp-added-text': '#8fe0ad',
    '--rp-removed': '#3a1a1e',
    '--rp-removed-text': '#ffb1b5',
    '--rp-good': '#5fd08e',
    '--rp-warn': '#f2bf6a',
    '--rp-bad': '#ff8d93',
  },
})
