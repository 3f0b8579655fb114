import { fileURLToPath } from 'node:url'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// packed leaves only the compressed form of every text asset: the server sends
// it as it is, and the binary carries it once.
function packed(): Plugin {
  return {
    name: 'rapport-packed',
    apply: 'build',
    closeBundle() {
      const folder = fileURLToPath(new URL('dist/assets', import.meta.url))
      for (const name of readdirSync(folder)) {
        const path = join(folder, name)
        if (!/\.(js|css|svg|json)$/.test(name) || !statSync(path).isFile()) continue
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
        rmSync(path)
      }
    },
  }
}

export default defineConfig({
  base: '/console/',
  plugins: [react(), packed()],
  resolve: { alias: { '~': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    target: ['chrome123', 'edge123', 'firefox121', 'safari17.5'], // those that know light-dark()
    manifest: 'manifest.json',
    assetsInlineLimit: 0, // the content security policy knows no data: scripts
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/v1', '/readyz', '/healthz'].map((path) => [path, process.env.RAPPORT ?? 'http://127.0.0.1:8080']),
    ),
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/shared/test/setup.ts'] },
})
