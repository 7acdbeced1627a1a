// Bundles the page: demo/client -> demo/public/build.

import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const demoDir = path.dirname(fileURLToPath(import.meta.url))

export const bundleFile = path.join(demoDir, 'public/build/main.js')

export async function buildPage() {
  await build({
    entryPoints: [path.join(demoDir, 'client/main.js')],
    outfile: bundleFile,
    bundle: true,
    minify: true,
    sourcemap: 'linked',
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage()
