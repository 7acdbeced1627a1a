/** The recordings that are kept. */

import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const fixturesDir = fileURLToPath(new URL('fixtures', import.meta.url))

export const recordings = () =>
  readdirSync(fixturesDir)
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(fixturesDir, file), 'utf8')))
