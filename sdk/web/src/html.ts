// The plug-in for HTML variants. A site that loads it allows decisions to bring
// markup: {html, css, js}, or markup as a string. Under Trusted Types it needs
// the policy "rapport"; scripts run with the nonce of its own script tag, and
// only where that has one or the page has no policy for scripts.
import type { Client, Json } from './types'

type Markup = { createHTML(text: string): string; createScript(text: string): string }
type Types = { createPolicy(name: string, rules: Markup): Markup }

const same = (text: string) => text
const { trustedTypes } = window as unknown as { trustedTypes?: Types }
const policy = (trustedTypes || { createPolicy: (_: string, rules: Markup) => rules }).createPolicy('rapport', { createHTML: same, createScript: same })
const nonce = (document.currentScript as HTMLScriptElement | null)?.nonce || ''

const text = (content: Json | undefined, name: string) => {
  const v = content && typeof content == 'object' && !Array.isArray(content) ? content[name] : undefined
  return typeof v == 'string' ? v : ''
}

;(window as unknown as { rapport: Client }).rapport.render('html', (place, d) => {
  const content = d.items?.[0] ? d.items[0].content : d.content
  const html = typeof content == 'string' ? content : text(content, 'html')
  const css = text(content, 'css')
  const js = text(content, 'js')
  if (!html && !css && !js) return false
  if (css) {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  }
  if (html) {
    const form = document.createElement('template')
    form.innerHTML = policy.createHTML(html)
    place.replaceChildren(form.content)
  }
  if (js) {
    const script = document.createElement('script')
    script.nonce = nonce
    script.text = policy.createScript(js)
    place.append(script)
  }
  return true
})
