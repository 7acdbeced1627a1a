/** The published package: what is in it, and what it says when it cannot be built. */

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { createDataDir } from '../support/core.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

function packedFiles() {
  const shell = process.platform === 'win32'
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, shell })
  return JSON.parse(String(json))[0].files.map((file) => file.path)
}

test('it holds what loading and building from source need, and no more', () => {
  const files = packedFiles()
  for (const needed of [
    'package.json',
    'index.js',
    'index.d.ts',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/realtime-services.js',
    'dist/realtime-services.d.ts',
    'Cargo.toml',
    'Cargo.lock',
    'build.rs',
    'src/lib.rs',
    'config/realtime.example.yml',
    'scripts/install.mjs',
    'scripts/addon.mjs',
    'scripts/steps.mjs',
  ]) {
    assert.ok(files.includes(needed), `${needed} is missing`)
  }
  assert.deepEqual(
    files.filter((file) => /^(__test__|demo|host|target)\/|\.node$/.test(file)),
    [],
  )
})

/** Runs the package's install script in a copy that has only these files beside it, and no cargo. */
async function installWithoutCargo(t, files) {
  const { home } = await createDataDir(t, null)
  await cp(path.join(root, 'scripts'), path.join(home, 'scripts'), { recursive: true })
  for (const file of files) {
    await mkdir(path.dirname(path.join(home, file)), { recursive: true })
    await writeFile(path.join(home, file), '')
  }
  const script = path.join(home, 'scripts', 'install.mjs')
  return spawnSync(process.execPath, [script], { encoding: 'utf8', env: { ...process.env, PATH: home } })
}

test('without cargo, the installation names it and says what to do', async (t) => {
  const { status, stderr } = await installWithoutCargo(t, ['Cargo.toml', 'src/lib.rs'])
  assert.equal(status, 1)
  assert.match(stderr, /cargo.* is missing/)
  assert.match(stderr, /rustup/)
  assert.match(stderr, /npm rebuild @civicpress\/realtime/)
})

test('without sources and addon, the installation says that the package is incomplete', async (t) => {
  const { status, stderr } = await installWithoutCargo(t, [])
  assert.equal(status, 1)
  assert.match(stderr, /neither an addon .* nor the sources/)
})
