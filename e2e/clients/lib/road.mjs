// The road between a client and the server: it writes down what passes and,
// where a test says so, behaves as roads do.
import { createServer, request } from 'node:http'
import { gunzipSync } from 'node:zlib'

// What can befall a call. Each is used up by one call that carries events.
export const limited = (seconds) => ({ status: 429, headers: { 'Retry-After': String(seconds) } })
export const unavailable = (seconds) => ({
  status: 503,
  headers: seconds === undefined ? {} : { 'Retry-After': String(seconds) },
})
// lostAnswer lets the server take the events and the client never learn it.
export const lostAnswer = { lost: true }

export class Road {
  static async open(t, server) {
    const road = new Road()
    road.server = server
    road.mishaps = []
    road.calls = []
    road.http = createServer((req, res) => road.pass(req, res))
    await new Promise((resolve) => road.http.listen(0, '127.0.0.1', resolve))
    road.host = `127.0.0.1:${road.http.address().port}`
    road.url = `http://${road.host}`
    t.after(() => {
      road.http.closeAllConnections()
      road.http.close()
    })
    return road
  }

  async pass(req, res) {
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const raw = Buffer.concat(chunks)
    const call = { method: req.method, path: req.url, headers: req.headers, events: eventsOf(req, raw) }
    this.calls.push(call)
    const mishap = call.events.length > 0 ? this.mishaps.shift() : undefined
    if (mishap?.status) {
      call.status = mishap.status
      res.writeHead(mishap.status, { ...open(req), ...mishap.headers })
      res.end('{"success":false,"code":"try_again","message":"the road is closed"}')
      return
    }
    this.forward(req, raw, (answer, body) => {
      call.status = answer.statusCode
      call.answer = body.toString()
      call.answered = answer.headers
      if (mishap?.lost) {
        call.status = 'lost'
        res.destroy()
        return
      }
      res.writeHead(answer.statusCode, answer.headers)
      res.end(body)
    }, () => {
      call.status = 'unreachable'
      res.destroy()
    })
  }

  forward(req, raw, answered, failed) {
    const to = request(this.server.url + req.url, { method: req.method, headers: req.headers, agent: false })
    to.on('error', failed)
    to.on('response', async (answer) => {
      const chunks = []
      for await (const chunk of answer) chunks.push(chunk)
      answered(answer, Buffer.concat(chunks))
    })
    to.end(raw)
  }

  // carrying lists the calls that brought events, delivered those whose events
  // the server took, known to the client or not.
  carrying() {
    return this.calls.filter((c) => c.events.length > 0)
  }

  delivered() {
    return this.carrying().filter((c) => c.status === 200 || c.status === 'lost')
  }

  // handedOver counts events as the server does: with what came twice.
  handedOver() {
    return this.delivered().reduce((n, c) => n + c.events.length, 0)
  }

  // sent gives the different events that were ever sent, by message id.
  sent() {
    return new Map(this.carrying().flatMap((c) => c.events.map((e) => [e.messageId, e])))
  }
}

// open are the headers without which a browser hides an answer from its page.
function open(req) {
  if (!req.headers.origin) return {}
  return {
    'Access-Control-Allow-Origin': req.headers.origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'Retry-After',
  }
}

// eventsOf cuts the events out of a call to a tracking path.
function eventsOf(req, raw) {
  if (req.method !== 'POST' || raw.length === 0) return []
  const { pathname } = new URL(req.url, 'http://road')
  if (/\/(m|rsaMetrics|site\/d|site\/id)$/.test(pathname)) return []
  const text = req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
  const body = JSON.parse(text)
  return body.batch ?? [body]
}
