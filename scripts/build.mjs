/**
 * Builds the parts of the package: `node scripts/build.mjs [addon] [host] [demo]`.
 *
 * - `addon`: the native addon, and the generated `index.js` and `index.d.ts`
 * - `host`: `host/*.ts` to `dist/`
 * - `demo`: the demo's browser bundle, if there is a demo
 */

import { copyFileSync, existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { buildAddon, generatedDir, generatedFiles } from './addon.mjs'
import { root, run, runSteps } from './steps.mjs'

async function buildAddonAndTypes() {
  await buildAddon()
  for (const file of generatedFiles) copyFileSync(path.join(generatedDir, file), path.join(root, file))
}

/** Compiles `host/` afresh, so that no file stays whose source is gone. */
export async function buildHost() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true })
  await run('npx', ['--no-install', 'tsc', '-p', 'tsconfig.json'])
}

const demoBuild = path.join(root, 'demo', 'build.mjs')

const parts = {
  addon: ['addon and its types', buildAddonAndTypes],
  host: ['host', buildHost],
  demo: ['demo bundle', () => run(process.execPath, [demoBuild])],
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2)
  const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
  if (unknown.length > 0) {
    console.error(`Unknown part: ${unknown.join(', ')}. Known: ${Object.keys(parts).join(', ')}.`)
    process.exitCode = 2
  } else {
    const names = asked.length > 0 ? asked : Object.keys(parts)
    await runSteps(names.filter((name) => name !== 'demo' || existsSync(demoBuild)).map((name) => parts[name]))
  }
}
