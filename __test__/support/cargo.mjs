/** Rust programs of the tests, built as `cargo test` builds them, so that nothing is compiled twice. */

import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Builds an example and gives the path of its program. */
export function buildExample(name) {
  const args = ['build', '--example', name, '--locked', '--message-format=json-render-diagnostics']
  const output = execFileSync('cargo', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const messages = output.split('\n').filter((line) => line.startsWith('{'))
  const artifacts = messages.map((line) => JSON.parse(line)).filter(({ target }) => target?.name === name)
  return artifacts.find(({ executable }) => executable).executable
}
