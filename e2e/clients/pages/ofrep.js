// OpenFeature's web SDK with its provider for OFREP, as published.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'

const seen = []
const keep = async (input, init) => {
  const req = new Request(input instanceof Request ? input.clone() : input, init)
  const res = await fetch(input, init)
  seen.push({ url: req.url, asked: req.headers.get('If-None-Match'), status: res.status, tag: res.headers.get('ETag') })
  return res
}

// start begins with a visitor, and tells what the flag is.
window.start = async ({ url, key, who }) => {
  const provider = new OFREPWebProvider({ baseUrl: url, fetchImplementation: keep, headers: [['Authorization', `Bearer ${key}`]], cacheMode: 'disabled' })
  await OpenFeature.setProviderAndWait(provider, { targetingKey: who })
  window.changed = new Promise((resolve) => {
    OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, (e) => resolve(e?.flagsChanged ?? []))
  })
  return window.flags()
}

window.flags = () => ({
  color: OpenFeature.getClient().getStringDetails('color', 'none'),
  hidden: OpenFeature.getClient().getStringDetails('hidden', 'none'),
  seen,
})

// become changes who it is.
window.become = async (who) => {
  await OpenFeature.setContext({ targetingKey: who })
  return window.flags()
}
