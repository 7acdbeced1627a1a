/** All tests: Rust's, the static checks, how many instructions a room takes, then Node.js against the real addon. */

import { readdirSync } from 'node:fs'
import path from 'node:path'

import { instructionCounts } from '../__test__/instructions/run.mjs'
import { root, run, runSteps } from './steps.mjs'

/** Every `*.test.mjs` of a folder; the shells of Windows and of npm expand no patterns, nor does Node.js 20. */
function testsIn(folder) {
  let names
  try {
    names = readdirSync(path.join(root, folder))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  return names
    .filter((name) => name.endsWith('.test.mjs'))
    .sort()
    .map((name) => path.join(folder, name))
}

/** A test that hangs fails by name instead of holding everything up. */
const TEST_TIMEOUT_MS = 300_000

const nodeTests = ['__test__/node', '__test__/e2e'].flatMap(testsIn)

await runSteps([
  ['Rust tests', () => run('cargo', ['test', '--locked'])],
  ['checks', () => run(process.execPath, ['scripts/check.mjs'])],
  ['instruction counts', () => instructionCounts()],
  // The checks have built the addon and host/, so what runs now is what the sources say.
  [
    'Node.js tests',
    () =>
      run(process.execPath, ['--test', '--test-reporter=spec', `--test-timeout=${TEST_TIMEOUT_MS}`, ...nodeTests]),
  ],
])
