/** Snippets are programs that send one event, ready to be copied. */
export const kinds = ['browser', 'node', 'curl', 'python', 'go', 'rudder'] as const
export type Kind = (typeof kinds)[number]

/** snippet writes one for a server's address and a write key. */
export function snippet(kind: Kind, host: string, key: string): string {
  const bare = host.replace(/^https?:\/\//, '')
  switch (kind) {
    case 'browser':
      return `// npm install @segment/analytics-next
import { AnalyticsBrowser } from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load(
  { writeKey: '${key}', cdnURL: '${host}' },
  { integrations: { 'Segment.io': { apiHost: '${bare}/v1', protocol: '${host.startsWith('https') ? 'https' : 'http'}' } } },
)
analytics.page()
analytics.identify('user-1', { email: 'ada@example.com' })
analytics.track('Product Viewed', { product_id: 'sku-1', price: 19.9, currency: 'EUR' })
`
    case 'node':
      return `// npm install @segment/analytics-node
import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '${key}', host: '${host}' })
analytics.identify({ userId: 'user-1', traits: { email: 'ada@example.com' } })
analytics.track({ userId: 'user-1', event: 'Order Completed', properties: { order_id: '1', total: 31.5, currency: 'EUR' } })
await analytics.closeAndFlush()
`
    case 'python':
      return `# pip install segment-analytics-python
import segment.analytics as analytics

analytics.write_key = '${key}'
analytics.host = '${host}'
analytics.identify('user-1', {'email': 'ada@example.com'})
analytics.track('user-1', 'Order Completed', {'order_id': '1', 'total': 31.5, 'currency': 'EUR'})
analytics.flush()
`
    case 'go':
      return `// go get github.com/segmentio/analytics-go/v3
client, err := analytics.NewWithConfig("${key}", analytics.Config{Endpoint: "${host}"})
if err != nil {
	log.Fatal(err)
}
defer client.Close()
client.Enqueue(analytics.Track{UserId: "user-1", Event: "Order Completed"})
`
    case 'rudder':
      return `// npm install @rudderstack/rudder-sdk-node
import RudderAnalytics from '@rudderstack/rudder-sdk-node'

const client = new RudderAnalytics('${key}', { dataPlaneUrl: '${host}' })
client.track({ userId: 'user-1', event: 'Order Completed', properties: { order_id: '1', total: 31.5, currency: 'EUR' } })
client.flush()
`
    case 'curl':
      return `curl -u '${key}:' '${host}/v1/track' \\
  -H 'Content-Type: application/json' \\
  -d '{"userId": "user-1", "event": "Product Viewed", "properties": {"product_id": "sku-1"}}'
`
  }
}
