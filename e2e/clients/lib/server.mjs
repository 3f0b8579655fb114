// The real binary on a random port and an empty folder, as an operator starts it.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const writeKey = 'wk_client_tests'
export const secretKey = 'sk_client_tests_that_is_long_enough'

// patience is what a client waits on a busy machine before it calls a server or a page stuck, in ms.
export const patience = 60_000

// binary is what `make` built, or a build of its own where only npm was called.
function binary(folder) {
  if (process.env.RAPPORT_BINARY) return process.env.RAPPORT_BINARY
  const out = join(folder, 'rapport')
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  execFileSync('go', ['build', '-o', out, './cmd/rapport'], { cwd: root, stdio: 'inherit' })
  return out
}

// outside is the environment without what is meant for the tests: the server
// refuses settings that it does not know.
function outside() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RAPPORT_')))
}

export class Server {
  // start gives a running server that ends, with its data, when the test does.
  // settings makes more of its environment, of the folder that it has.
  static async start(t, settings = () => ({})) {
    const server = new Server()
    server.barriers = 0
    server.folder = mkdtempSync(join(tmpdir(), 'rapport-clients-'))
    t.after(async () => {
      await server.end('SIGTERM')
      rmSync(server.folder, { recursive: true, force: true })
    })
    server.binary = binary(server.folder)
    server.settings = settings(server.folder)
    await server.run('127.0.0.1:0')
    return server
  }

  // run starts the process and waits for the line that says it is ready.
  async run(listen) {
    const env = {
      ...outside(),
      RAPPORT_DATA: join(this.folder, 'data'),
      RAPPORT_LISTEN: listen,
      RAPPORT_WRITE_KEY: writeKey,
      RAPPORT_SECRET_KEY: secretKey,
      RAPPORT_MEMORY: '256MiB',
      ...this.settings,
    }
    this.process = spawn(this.binary, ['serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.exit = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(signal ?? code)))
    const said = []
    const ready = new Promise((resolve) => {
      for (const stream of [this.process.stdout, this.process.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          said.push(line)
          const m = line.match(/^listening on (http:\/\/\S+)$/)
          if (m) resolve(m[1])
        })
      }
    })
    const first = await Promise.race([ready, this.exit.then((code) => ({ code })), after(patience)])
    if (typeof first !== 'string') {
      throw new Error(`the server did not start (${JSON.stringify(first ?? 'no answer')}):\n${said.join('\n')}`)
    }
    this.url = first
  }

  async end(signal) {
    this.process.kill(signal)
    return this.exit
  }

  // restart ends the process and starts it again on the same data and port.
  async restart(signal = 'SIGTERM') {
    const { host } = new URL(this.url)
    await this.end(signal)
    await this.run(host)
  }

  // get reads the own API with the secret key.
  async get(path) {
    const res = await fetch(this.url + path, { headers: { Authorization: `Bearer ${secretKey}` } })
    const text = await res.text()
    if (!res.ok) throw new Error(`GET ${path}: ${res.status} ${text}`)
    return JSON.parse(text)
  }

  // put writes a definition with the secret key.
  async put(path, document) {
    const headers = { Authorization: `Bearer ${secretKey}`, 'Content-Type': 'application/json' }
    const res = await fetch(this.url + path, { method: 'PUT', headers, body: JSON.stringify(document) })
    if (!res.ok) throw new Error(`PUT ${path}: ${res.status} ${await res.text()}`)
    return res.json()
  }

  profile(namespace, value) {
    return this.get(`/api/v1/profiles/${namespace}:${encodeURIComponent(value)}`)
  }

  // timeline reads every page.
  async timeline(namespace, value) {
    const items = []
    for (let next = ''; next !== null; ) {
      const query = next ? `?cursor=${encodeURIComponent(next)}` : ''
      const page = await this.get(`/api/v1/profiles/${namespace}:${encodeURIComponent(value)}/timeline${query}`)
      items.push(...page.items)
      next = page.next
    }
    return items
  }

  // settled waits until that many different events were received and all that
  // follows from them is visible, and gives the sums, without the test's own
  // events. What a client sends twice counts once, for how often it does so is
  // a matter of how fast it hears the answers; repeated is how often it must.
  async settled(events, repeated = 0) {
    let sums
    const there = () => sums.deduplicated >= repeated && sums.received - sums.deduplicated >= events
    for (const end = Date.now() + patience; Date.now() < end; await after(25)) {
      sums = await this.sums()
      if (!there()) continue
      await this.barrier()
      sums = await this.sums()
      assert.equal(sums.pending, 0, 'nothing is pending behind the barrier')
      if (there()) return sums
    }
    throw new Error(`not settled at ${events} different events: ${JSON.stringify(sums)}`)
  }

  async sums() {
    const sums = await this.get('/api/v1/accounting')
    return { ...sums, received: sums.received - this.barriers, stored: sums.stored - this.barriers }
  }

  // barrier sends an event of somebody else and waits for it: then everything
  // acknowledged before can be read, with its consequences.
  async barrier() {
    const res = await fetch(`${this.url}/v1/track?wait=applied`, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ event: 'Barrier', userId: 'barrier', messageId: `barrier-${this.barriers}` }),
    })
    assert.equal(res.status, 200, await res.text())
    assert.equal(res.headers.get('rapport-applied'), 'yes')
    this.barriers++
  }
}

// after is for polling what has no other sign; no result depends on its length.
export function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
