import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'

// load starts the client; the source's configuration comes from the server.
window.load = ({ writeKey, host, options }) => {
  window.analytics = new RudderAnalytics()
  window.analytics.load(writeKey, `http://${host}`, { configUrl: `http://${host}`, logLevel: 'WARN', ...options })
  return new Promise((resolve) => window.analytics.ready(resolve))
}
