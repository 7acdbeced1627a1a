/** Registration in the core's container. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import * as realtime from '@civicpress/realtime'
import { createRealtimeServer, registerRealtimeServices } from '@civicpress/realtime/realtime-services'

import { createContainer, createCore, createDataDir } from '../support/core.mjs'

const { RealtimeConfigManager, RealtimeServer } = realtime

test('both entries give the same functions, to ES modules and to CommonJS', () => {
  const require = createRequire(import.meta.url)
  for (const entry of ['@civicpress/realtime', '@civicpress/realtime/realtime-services']) {
    assert.equal(require(entry).registerRealtimeServices, registerRealtimeServices)
    assert.equal(require(entry).createRealtimeServer, createRealtimeServer)
  }
  assert.equal(realtime.registerRealtimeServices, registerRealtimeServices)
})

test('services are singletons, and resolving them starts nothing', async (t) => {
  const core = createCore()
  const container = createContainer(core)
  const { dataDir, systemDataDir } = await createDataDir(t)
  registerRealtimeServices(container, { dataDir })
  const server = container.resolve('realtimeServer')
  const manager = container.resolve('realtimeConfigManager')
  assert.ok(server instanceof RealtimeServer)
  assert.ok(manager instanceof RealtimeConfigManager)
  assert.equal(manager.basePath, systemDataDir)
  assert.equal(container.resolve('realtimeServer'), server)
  const rooms = container.resolve('realtimeRoomManager')
  assert.ok(rooms instanceof realtime.RoomManager)
  assert.equal(server.getRoomManager(), rooms)
  assert.equal(container.resolve('realtimeRoomManager'), rooms)
  for (const service of Object.values(core)) assert.deepEqual(service.calls, [])

  t.after(() => server.shutdown())
  await server.initialize()
  assert.ok(server.getHealthStatus().server.listening)
})

test('a host without a database still has realtime', async (t) => {
  const core = createCore()
  delete core.databaseService
  const container = createContainer(core)
  registerRealtimeServices(container, await createDataDir(t))
  const server = container.resolve('realtimeServer')
  t.after(() => server.shutdown())
  await server.initialize()
  assert.ok(server.getHealthStatus().server.listening)
})

test('the rooms may be resolved first, and are those of the server', async (t) => {
  const container = createContainer(createCore())
  registerRealtimeServices(container, await createDataDir(t))
  const rooms = container.resolve('realtimeRoomManager')
  assert.equal(container.resolve('realtimeServer').getRoomManager(), rooms)
  rooms.registerRoomType('x', { createRoom: () => assert.fail('not yet'), supportsRoomType: () => false })
  assert.equal(rooms.getRoomCount(), 0)
})

test('everything that hosts know is there, to ES modules and to CommonJS', () => {
  const required = createRequire(import.meta.url)('@civicpress/realtime')
  for (const name of [
    'createApiHost',
    'createHandlerRegistry',
    'DatabaseSnapshotStorage',
    'DefaultHandlerRegistry',
    'FilesystemSnapshotStorage',
    'RealtimeModule',
    'RecordRoom',
    'RoomManager',
    'SnapshotHookBus',
    'SnapshotManager',
  ]) {
    assert.equal(typeof realtime[name], 'function', name)
    assert.equal(required[name], realtime[name], name)
  }
})

test('constants and enums are what hosts know', () => {
  assert.equal(realtime.SNAPSHOT_FORMAT_V1, 1)
  assert.equal(realtime.MAX_SNAPSHOT_BYTES, 1_048_576)
  assert.equal(realtime.SNAPSHOT_TTL_MS, 172_800_000)
  assert.equal(realtime.MAX_SNAPSHOT_VERSIONS_PER_ROOM, 3)
  assert.equal(realtime.SESSION_REVOKED_HOOK, 'auth:sessions:revoked')
  assert.equal(realtime.MessageType.SYNC, 'sync')
  assert.equal(realtime.PresenceEvent.AWARENESS, 'awareness')
  assert.equal(realtime.ControlEvent.ROOM_STATE, 'room_state')
})
