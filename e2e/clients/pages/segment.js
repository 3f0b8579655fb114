import { AnalyticsBrowser } from '@segment/analytics-next'

// load starts the client; the settings document comes from the server.
window.load = async ({ writeKey, host, strategy }) => {
  window.analytics = AnalyticsBrowser.load(
    { writeKey, cdnURL: `http://${host}` },
    {
      integrations: {
        'Segment.io': { apiHost: `${host}/v1`, protocol: 'http', deliveryStrategy: strategy },
      },
    },
  )
  await window.analytics.ready()
}
