/** Snapshots as files: private, found again after a restart, and checked before they are believed. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { RealtimeModule, startEngine, temporaryFolder } from '../support/engine.mjs'

const ROOM = 'records:noise'
const config = { snapshots: { storage: 'filesystem' } }
const DAMAGED = 'realtime:snapshot:integrity-failed'

/** A store with snapshots of these texts, one added for each, after a clean shutdown. */
async function written(t, ...texts) {
  const folder = await temporaryFolder(t)
  const engine = await startEngine(t, { folder, config })
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  for (const text of texts) {
    ann.write(text)
    await bob.sees(text)
    assert.ok((await engine.module.snapshot(ROOM)).snapshotCreated)
  }
  await engine.module.shutdown()
  ann.leave()
  bob.leave()
  return { folder, host: engine.host, files: await snapshotFiles(folder) }
}

/** All files of snapshots, oldest version first: `{path, version, meta}` of the bytes. */
async function snapshotFiles(folder) {
  const root = path.join(folder, 'realtime', 'snapshots')
  const [room, ...more] = await readdir(root)
  assert.deepEqual(more, [])
  const names = await readdir(path.join(root, room))
  const files = names
    .filter((name) => name.endsWith('.snapshot'))
    .map(async (name) => {
      const file = path.join(root, room, name)
      const description = file.replace(/\.snapshot$/, '.meta.json')
      return { path: file, description, meta: JSON.parse(await readFile(description, 'utf8')) }
    })
  return (await Promise.all(files)).sort((a, b) => a.meta.version - b.meta.version)
}

async function reopened(t, folder) {
  const engine = await startEngine(t, { folder, config })
  return { engine, host: engine.host, cyd: await openEditor(t, engine, { token: 'token-cyd' }) }
}

test('each is a file with its description, for nobody else to read', async (t) => {
  const { folder, files } = await written(t, 'One.', 'Two.', 'Three.', 'Four.')
  assert.deepEqual(
    files.map(({ meta }) => meta.version),
    [2, 3, 4],
  )
  for (const { path: file, description, meta } of files) {
    assert.equal(meta.room_id, ROOM)
    assert.equal(meta.format_version, 2)
    const bytes = await RealtimeModule.unpackSnapshot(await readFile(file), meta.byte_size)
    assert.equal(meta.byte_size, bytes.length)
    assert.equal(meta.integrity_hash, createHash('sha256').update(bytes).digest('hex'))
    assert.match(path.basename(file), new RegExp(`-${meta.version}-${meta.created_at}\\.snapshot$`))
    if (process.platform === 'win32') continue
    for (const [one, mode] of [
      [file, 0o600],
      [description, 0o600],
      [path.dirname(file), 0o700],
      [path.join(folder, 'realtime', 'snapshots'), 0o700],
      [path.join(folder, 'realtime.db'), 0o600],
    ]) {
      assert.equal((await stat(one)).mode & 0o777, mode, one)
    }
  }
})

test('a restart goes on from the newest', async (t) => {
  const { folder } = await written(t, 'One.', 'Two.')
  const { host, cyd } = await reopened(t, folder)
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'One.', 'Two.'])
  assert.deepEqual(host.told(DAMAGED), [])
})

test('a damaged one is told of, and the one before it is used', async (t) => {
  const { folder, files } = await written(t, 'One.', 'Two.')
  const newest = files.at(-1)
  const bytes = await readFile(newest.path)
  bytes[bytes.length - 1] ^= 0xff
  await writeFile(newest.path, bytes)
  const { engine, host, cyd } = await reopened(t, folder)
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'One.'])
  const { roomId, version } = await host.hook(DAMAGED)
  assert.deepEqual([roomId, version], [ROOM, 2])
  cyd.write('Three.')
  await (await openEditor(t, engine, { token: 'token-dan' })).sees('Three.')
  assert.ok((await engine.module.snapshot(ROOM)).version > 2, 'its version is not used again')
})

test('one that is gone, or whose description is, is told of', async (t) => {
  for (const lost of ['path', 'description']) {
    const { folder, files } = await written(t, 'One.', 'Two.')
    await rm(files.at(-1)[lost])
    const { host, cyd } = await reopened(t, folder)
    assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'One.'])
    assert.equal((await host.hook(DAMAGED)).version, 2)
  }
})

test('if none is good, the record is what counts', async (t) => {
  const { folder, files, host: before } = await written(t, 'One.')
  for (const { path: file } of files) await writeFile(file, 'nonsense')
  const engine = await startEngine(t, { folder, config, host: before })
  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'One.'], 'the draft that was written before')
})

test('they are moved into the database when that is to have them', async (t) => {
  const { folder } = await written(t, 'One.', 'Two.')
  const engine = await startEngine(t, { folder, config: { ...config, snapshots: { storage: 'database' } } })
  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'One.', 'Two.'])
  assert.deepEqual(engine.host.told(DAMAGED), [])
  assert.deepEqual(await readdir(path.join(folder, 'realtime', 'snapshots')), [])
})
