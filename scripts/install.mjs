/** Makes sure that the native addon is there: run by npm after the package is installed. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

import { addonLoads, addonPath, buildAddon } from './addon.mjs'
import { root, StepFailed } from './steps.mjs'

async function install() {
  const sources = existsSync(path.join(root, 'Cargo.toml')) && existsSync(path.join(root, 'src'))
  if (!sources) {
    if (addonLoads()) return `using the prebuilt ${path.basename(addonPath)}`
    throw new StepFailed(
      `this package has neither an addon for this platform (${path.basename(addonPath)}) nor the sources to ` +
        'build one; install it from its repository or from a complete tarball',
    )
  }
  const cargo = spawnSync('cargo', ['--version'], { encoding: 'utf8' })
  if (cargo.status !== 0) {
    if (addonLoads()) return `cargo is not installed: keeping the ${path.basename(addonPath)} that is there`
    throw new StepFailed(
      'cargo, the Rust build tool, is missing. The native addon is built from source on this machine: install ' +
        'Rust (https://rustup.rs) and a C compiler, then run `npm rebuild @civicpress/realtime`.',
    )
  }
  await buildAddon()
  if (!addonLoads()) {
    throw new StepFailed(`${addonPath} was built but this Node.js (${process.version}) cannot load it`)
  }
  return `built ${path.basename(addonPath)} with ${cargo.stdout.trim()}`
}

try {
  console.log(`@civicpress/realtime: ${await install()}`)
} catch (error) {
  console.error(`@civicpress/realtime: ${error instanceof StepFailed ? error.message : error.stack}`)
  process.exitCode = 1
}
