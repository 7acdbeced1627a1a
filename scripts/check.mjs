/** Everything that can be said about the code without running it; the same here and in CI. */

import { readFileSync } from 'node:fs'
import path from 'node:path'

import { buildAddon, generatedDir, generatedFiles } from './addon.mjs'
import { buildHost } from './build.mjs'
import { root, run, runSteps, StepFailed } from './steps.mjs'

/** Builds the addon, by which napi generates its files again, and compares them with those committed. */
async function generatedFilesAreUnchanged() {
  await buildAddon()
  const read = (folder, file) => readFileSync(path.join(folder, file), 'utf8')
  const changed = generatedFiles.filter((file) => read(root, file) !== read(generatedDir, file))
  if (changed.length > 0) {
    throw new StepFailed(`${changed.join(' and ')} differ from what the sources generate; run \`npm run build\``)
  }
}

const clippy = (...features) =>
  run('cargo', ['clippy', '--all-targets', '--locked', ...features, '--', '-D', 'warnings'])
const tsc = (...args) => run('npx', ['--no-install', 'tsc', ...args])

await runSteps([
  ['formatting', () => run('cargo', ['fmt', '--check'])],
  ['clippy', () => clippy()],
  ['clippy without Node.js', () => clippy('--no-default-features')],
  ['addon and generated files', generatedFilesAreUnchanged],
  ['host', buildHost],
  ['a consumer of the types', () => tsc('-p', 'tsconfig.consumer.json')],
])
