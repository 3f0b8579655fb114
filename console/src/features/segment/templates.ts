/** Templates are segments that one often begins with. */
export const templates = [
  { key: 'buyers', condition: { profile: 'order_count', op: '>=', value: 1 } },
  { key: 'lapsing', condition: { all: [{ profile: 'order_count', op: '>=', value: 1 }, { not: { profile: 'last_seen', within: '30d' } }] } },
  { key: 'active', condition: { profile: 'last_seen', within: '7d' } },
  { key: 'reachable', condition: { identifier: 'email', exists: true } },
] as const
