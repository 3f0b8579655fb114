// Sitecore's Content SDK on the server, unmodified: only edgeUrl and the context
// id are Rapport's.
import { analyticsPlugin, analyticsServerAdapter } from '@sitecore-content-sdk/analytics-core'
import { initContentSdk } from '@sitecore-content-sdk/core'
import { event, eventsPlugin, pageView } from '@sitecore-content-sdk/events'
import { personalize, personalizeServerAdapter, personalizeServerPlugin } from '@sitecore-content-sdk/personalize'

const common = { channel: 'WEB', currency: 'EUR', language: 'EN' }

// What is shown where nothing can be decided.
const usual = { title: 'A gift card' }

// visit tells of a page and gives what is recommended on it. A page is never held
// up for more than a moment, and never fails for it.
export async function visit({ req, res }, page, looked) {
  try {
    await initContentSdk({
      config: { contextId: process.env.RAPPORT_WRITE_KEY, edgeUrl: process.env.RAPPORT_URL, siteName: 'lamps' },
      plugins: [
        analyticsPlugin({ options: { enableCookie: true, cookieDomain: process.env.COOKIE_DOMAIN || 'localhost' }, adapter: analyticsServerAdapter(req, res) }),
        eventsPlugin(),
        personalizeServerPlugin({ adapter: personalizeServerAdapter(req, res) }),
      ],
    })
    await pageView({ ...common, page })
    if (looked) await event({ ...common, page, type: 'Product Viewed', extensionData: looked })
    const product = await personalize({ ...common, friendlyId: 'recommendation' }, { timeout: 500 })
    return product?.title ? product : usual
  } catch (error) {
    console.error('the page is not personalised:', error.message)
    return usual
  }
}
