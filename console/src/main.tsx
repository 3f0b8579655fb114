import './app/styles-first'
import { createRoot } from 'react-dom/client'
import { App } from './app/App'

// Before anything is drawn, so that nothing flashes in the wrong colours.
const scheme = localStorage.getItem('mantine-color-scheme-value')
const isDark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
document.documentElement.setAttribute('data-mantine-color-scheme', isDark ? 'dark' : 'light')

const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
