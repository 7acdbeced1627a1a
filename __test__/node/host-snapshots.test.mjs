/** Snapshots as hosts see them: what happens to them, and those that lie in files. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { once } from 'node:events'
import { test } from 'node:test'

import {
  DatabaseSnapshotStorage,
  FilesystemSnapshotStorage,
  MAX_SNAPSHOT_BYTES,
  RealtimeModule,
  SnapshotHookBus,
  SnapshotManager,
} from '@civicpress/realtime'

import { edit, eventually } from '../support/clients.mjs'
import { createDataDir, DatabaseService, Logger } from '../support/core.mjs'
import { createServer } from '../support/servers.mjs'

const UNSUPPORTED = { code: 'UNSUPPORTED', statusCode: 501 }

/** Edits a record, and has a snapshot taken once the engine has the edit. */
async function snapshotOf(t, server, recordId = 'noise') {
  const room = `records/${encodeURIComponent(recordId)}`
  const [writer, reader] = [await edit(t, server, { room }), await edit(t, server, { room, token: 'token-vic' })]
  const passedOn = new Promise((resolve) => reader.doc.once('update', resolve))
  writer.doc.getXmlFragment('default').get(0).get(0).insert(0, 'Very ')
  await passedOn
  return server.triggerRecordSnapshot(recordId)
}

test('the bus tells of the snapshots that the engine takes, as does the hook bus of the core', async (t) => {
  const { core, server } = await createServer(t)
  const saved = []
  server
    .getSnapshotManager()
    .getHookBus()
    .on('realtime:snapshot:saved', (payload) => saved.push(payload))
  const { version } = await snapshotOf(t, server)
  await eventually(() => saved.length > 0, 'the bus tells')
  assert.deepEqual([saved[0].roomId, saved.at(-1).version], ['records:noise', version])
  assert.deepEqual(core.hookSystem.emitted('realtime:snapshot:saved'), saved)
  assert.equal(
    server.getRoomManager().getRoom('records:noise').getState().version,
    0,
    'not seen before it was asked for',
  )
})

test("a room's version is its newest snapshot's", async (t) => {
  const { server } = await createServer(t)
  await edit(t, server)
  const room = server.getRoomManager().getRoom('records:noise')
  const { version } = await snapshotOf(t, server)
  await eventually(() => room.getState().version === version, 'the room has heard')
})

test('a listener that throws is a line in the log', async (t) => {
  const { core, server } = await createServer(t)
  const bus = server.getSnapshotManager().getHookBus()
  bus.on('realtime:snapshot:saved', () => {
    throw new Error('no')
  })
  await snapshotOf(t, server)
  await eventually(() => core.logger.messages('warn').some((message) => /listener of/.test(message)), 'it is told')
})

test('a listener that rejects is a warning', async () => {
  const bus = new SnapshotHookBus().on('realtime:snapshot:pruned', () => Promise.reject(new Error('no')))
  const warned = once(process, 'warning')
  bus.emit('realtime:snapshot:pruned', { roomId: 'records:x', version: 1, keep: 3 })
  const [{ name, message }] = await warned
  assert.deepEqual([name, message], ['RealtimeSnapshotWarning', 'A listener of snapshots failed: no'])
})

test('a bus is heard until it is not', () => {
  const bus = new SnapshotHookBus()
  const heard = []
  const listener = ({ roomId }) => heard.push(roomId)
  const event = { roomId: 'records:x', byteSize: 2, cap: MAX_SNAPSHOT_BYTES }
  assert.equal(bus.on('realtime:snapshot:oversize', listener), bus)
  bus.emit('realtime:snapshot:oversize', event)
  bus.off('realtime:snapshot:oversize', listener).emit('realtime:snapshot:oversize', event)
  assert.deepEqual(heard, ['records:x'])
})

test('snapshots in files are read beside the engine', async (t) => {
  const { server, systemDataDir } = await createServer(t, { yaml: '  snapshots:\n    storage: filesystem\n' })
  const manager = server.getSnapshotManager()
  assert.equal(await manager.loadLatest('records:noise'), null)
  const { version } = await snapshotOf(t, server)
  const row = await manager.loadLatestVerified('records:noise')
  assert.deepEqual([row.room_id, row.version, row.format_version], ['records:noise', version, 1])
  assert.equal(row.byte_size, row.snapshot_data.length)
  assert.equal(await RealtimeModule.updateToMarkdown(row.snapshot_data), 'Very Quiet please.')
  const storage = new FilesystemSnapshotStorage(systemDataDir)
  const { roomId, yjsState, timestamp } = await storage.loadSnapshot('record:noise')
  assert.deepEqual([roomId, [...yjsState], timestamp], ['records:noise', [...row.snapshot_data], row.created_at])
  const older = await storage.findOlderThan(Date.now() + 1_000)
  assert.ok(older.some((other) => other.version === version))
  assert.deepEqual(await storage.findOlderThan(row.created_at - 60_000), [])
})

test('the engine and we give a long or odd id the same folder', async (t) => {
  const id = `Règlement 🏛 ${'x'.repeat(100)}`
  const { core, server, systemDataDir } = await createServer(t, { yaml: '  snapshots:\n    storage: filesystem\n' })
  core.recordManager.add({ id, content: 'Long.\n' })
  await snapshotOf(t, server, id)
  assert.equal((await readdir(path.join(systemDataDir, 'realtime', 'snapshots'))).length, 1)
  const row = await server.getSnapshotManager().loadLatest(`records:${id}`)
  assert.equal(await RealtimeModule.updateToMarkdown(row.snapshot_data), 'Very Long.')
})

/** A snapshot's two files, as the engine writes them. */
async function writeSnapshot(t, changes = {}, data = Buffer.from([0, 0])) {
  const { systemDataDir } = await createDataDir(t)
  const folder = path.join(systemDataDir, 'realtime', 'snapshots', 'records%3ax')
  await mkdir(folder, { recursive: true })
  const meta = {
    room_id: 'records:x',
    version: 1,
    integrity_hash: createHash('sha256').update(data).digest('hex'),
    format_version: 1,
    byte_size: data.length,
    created_at: 7,
    ...changes,
  }
  await writeFile(path.join(folder, 'records%3ax-1-7.snapshot'), data)
  await writeFile(path.join(folder, 'records%3ax-1-7.meta.json'), JSON.stringify(meta))
  return { folder, storage: new FilesystemSnapshotStorage(systemDataDir, new Logger()) }
}

test('a snapshot that is not what was written counts as none, and is told of', async (t) => {
  const { storage } = await writeSnapshot(t, { integrity_hash: 'other' })
  const bus = new SnapshotHookBus()
  const failed = []
  bus.on('realtime:snapshot:integrity-failed', (payload) => failed.push(payload))
  const manager = new SnapshotManager(new Logger(), storage, bus)
  assert.equal((await manager.loadLatest('records:x')).version, 1)
  assert.equal(await manager.loadLatestVerified('records:x'), null)
  const [{ roomId, version, expectedHash, computedHash }] = failed
  assert.deepEqual([failed.length, roomId, version, expectedHash], [1, 'records:x', 1, 'other'])
  assert.match(computedHash, /^[0-9a-f]{64}$/)
})

test('so does one of a format to come', async (t) => {
  const { storage } = await writeSnapshot(t, { format_version: 3 })
  assert.equal(await new SnapshotManager(new Logger(), storage).loadLatestVerified('records:x'), null)
})

test('a compressed one that is damaged counts as none, however large it claims to be', async (t) => {
  for (const byte_size of [2, 2 ** 53, -1, 'many']) {
    const { storage } = await writeSnapshot(t, { format_version: 2, integrity_hash: 'other', byte_size })
    const failed = []
    const bus = new SnapshotHookBus().on('realtime:snapshot:integrity-failed', (payload) => failed.push(payload))
    assert.equal(await new SnapshotManager(new Logger(), storage, bus).loadLatestVerified('records:x'), null)
    assert.equal(failed.length, 1)
  }
})

test('half a snapshot is none', async (t) => {
  const { folder, storage } = await writeSnapshot(t)
  await writeFile(path.join(folder, 'records%3ax-2-8.meta.json'), '{"version":')
  await writeFile(path.join(folder, 'records%3ax-3-9.meta.json'), '{"room_id":"records:x","version":3}')
  assert.equal((await storage.loadLatestRow('records:x')).version, 1)
  await assert.rejects(storage.loadLatestRow('../x'), { code: 'INVALID_ID' })
})

test('what the engine alone does is refused, not passed over', async (t) => {
  const { server } = await createServer(t, { start: false })
  const manager = server.getSnapshotManager()
  const database = new DatabaseSnapshotStorage(new DatabaseService(), new Logger())
  const files = new FilesystemSnapshotStorage('.', new Logger())
  for (const call of [
    () => manager.loadLatest('records:x'),
    () => manager.loadLatestVerified('records:x'),
    () => manager.persist({ roomId: 'records:x', blob: Uint8Array.of(0) }),
    () => manager.cleanupExpired({ activeRoomIds: new Set() }),
    () => database.loadSnapshot('records:x'),
    () => database.loadLatestRow('records:x'),
    () => database.findOlderThan(1),
    ...[database, files].flatMap((storage) => [
      () => storage.saveSnapshot({ roomId: 'records:x', yjsState: Uint8Array.of(0), version: 1, timestamp: 1 }),
      () => storage.insert({}),
      () => storage.deleteSnapshot('records:x'),
      () => storage.deleteRow('records:x', 1),
    ]),
  ]) {
    await assert.rejects(call(), UNSUPPORTED, String(call))
  }
  manager.startCleanup(() => new Set(), 1_000)
  manager.stopCleanup()
})
