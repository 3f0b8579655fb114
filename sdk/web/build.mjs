// Builds what the binary embeds and the package has: dist/<version>/. The same
// sources give the same bytes, so what is built is committed: the binary has the
// library wherever it is built, and a page that names a version gets it for ever.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
export const { version } = JSON.parse(readFileSync(here('package.json'), 'utf8'))

const shared = { bundle: true, minify: true, target: 'es2019', charset: 'utf8', write: false, logLevel: 'error', legalComments: 'none', define: { VERSION: JSON.stringify(version) } }

async function bundle(entry, format) {
  const { outputFiles } = await build({ ...shared, entryPoints: [here(entry)], format })
  return outputFiles[0].text
}

// declarations is what TypeScript knows of the package: src/types.ts has only types.
function declarations() {
  const index = readFileSync(here('src/index.ts'), 'utf8')
  const about = index.slice(index.indexOf('/**'), index.indexOf('export function'))
  return `${readFileSync(here('src/types.ts'), 'utf8')}
${about}export declare function rapport(config: Config): Client

declare global {
  interface Window {
    /** The client, where the page has the script tag. */
    rapport: Client
  }
}
`
}

export async function files() {
  return {
    'rapport.js': await bundle('src/script.ts', 'iife'),
    'rapport.mjs': await bundle('src/index.ts', 'esm'),
    'rapport-html.js': await bundle('src/html.ts', 'iife'),
    'rapport-panels.js': await bundle('src/panels.ts', 'iife'),
    'rapport.d.ts': declarations(),
  }
}

if (process.argv[1] === here('build.mjs')) {
  mkdirSync(here(`dist/${version}`), { recursive: true })
  for (const [name, text] of Object.entries(await files())) writeFileSync(here(`dist/${version}/${name}`), text)
}
