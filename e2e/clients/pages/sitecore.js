import { CloudSDK, getBrowserId, getGuestId } from '@sitecore-cloudsdk/core/browser'
import * as events06 from '@sitecore-cloudsdk/events/browser'
import '@sitecore-cloudsdk/personalize/browser'
import { analyticsBrowserAdapter, analyticsPlugin, getClientId } from '@sitecore-content-sdk/analytics-core'
import { initContentSdk } from '@sitecore-content-sdk/core'
import * as events2 from '@sitecore-content-sdk/events'
import { addToEventQueue, processEventQueue } from '@sitecore-content-sdk/events/browser'
import { init as engage } from '@sitecore/engage'
import * as events01 from 'cloudsdk-events-01/browser'

const common = { channel: 'WEB', currency: 'EUR', language: 'EN', page: 'lamps' }
const ann = (email) => ({ email, firstName: 'Ann', identifiers: [{ id: email, provider: 'email' }] })

// Each of the functions is a shop that uses one of the clients: it tells its
// story and gives what the client says of the visitor.
window.stories = {
  async cloudsdk06({ key, url }) {
    CloudSDK({ sitecoreEdgeContextId: key, siteName: 'main', sitecoreEdgeUrl: url, enableBrowserCookie: true })
      .addEvents()
      .addPersonalize({ enablePersonalizeCookie: true })
      .initialize()
    const answers = [
      await events06.pageView({ ...common, pageVariantId: 'v9' }),
      await events06.form('f1', 'SUBMITTED', 'c1'),
      await events06.event({ ...common, type: 'LAMP_LIT', extensionData: { watts: 7 } }),
    ]
    await events06.addToEventQueue({ ...common, type: 'QUEUED' })
    await events06.processEventQueue()
    answers.push(await events06.identity({ ...common, ...ann('web06@shop.example') }))
    return { browser: await getBrowserId(), guest: await getGuestId(), answers, cookie: document.cookie }
  },
  async cloudsdk01({ key, url }) {
    await events01.init({ sitecoreEdgeContextId: key, siteName: 'main', sitecoreEdgeUrl: url, enableBrowserCookie: true })
    const answers = [
      await events01.pageView(common),
      await events01.form('f1', 'SUBMITTED'),
      await events01.event('LAMP_LIT', common, { watts: 7 }),
    ]
    await events01.addToEventQueue('QUEUED', common)
    await events01.processEventQueue()
    answers.push(await events01.identity({ ...common, ...ann('web01@shop.example') }))
    return { browser: await events01.getBrowserId(), guest: await events01.getGuestId(), answers, cookie: document.cookie }
  },
  async engage14({ key, url }) {
    const e = await engage({ clientKey: key, targetURL: url, pointOfSale: 'spain', includeUTMParameters: true })
    const answers = [
      await e.pageView(common),
      await e.form('f1', 'SUBMITTED'),
      await e.event('LAMP_LIT', common, { watts: 7 }),
    ]
    e.addToEventQueue('QUEUED', common)
    await e.processEventQueue()
    answers.push(await e.identity({ ...common, ...ann('web14@shop.example') }))
    return { browser: e.getBrowserId(), guest: await e.getGuestId(), answers, cookie: document.cookie }
  },
  async contentsdk2({ key, url }) {
    await initContentSdk({
      config: { contextId: key, edgeUrl: url, siteName: 'main' },
      plugins: [analyticsPlugin({ options: { enableCookie: true }, adapter: analyticsBrowserAdapter() }), events2.eventsPlugin()],
    })
    const answers = [
      await events2.pageView(common),
      await events2.form('f1', 'SUBMITTED', 'c1'),
      await events2.event({ ...common, type: 'LAMP_LIT', extensionData: { watts: 7 } }),
    ]
    await addToEventQueue({ ...common, type: 'QUEUED' })
    await processEventQueue()
    answers.push(await events2.identity({ ...common, ...ann('web2@shop.example') }))
    return { browser: await getClientId(), answers, cookie: document.cookie }
  },
}
