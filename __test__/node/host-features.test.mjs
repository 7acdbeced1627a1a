/** The core's feature flags, and the roles that may connect. */

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { RealtimeConfigManager } from '@civicpress/realtime'

import { connect } from '../support/clients.mjs'
import { createDataDir } from '../support/core.mjs'
import { createServer, EchoHandler } from '../support/servers.mjs'

async function writeFeatures(dataDir, text) {
  await mkdir(path.join(dataDir, '.civic'), { recursive: true })
  await writeFile(path.join(dataDir, '.civic', 'features.yml'), text)
}

test('with `realtime: false` nothing listens, until the flag is set', async (t) => {
  const { core, server, dataDir } = await createServer(t, { start: false })
  await writeFeatures(dataDir, 'features:\n  realtime: false\n')
  await server.initialize()
  assert.equal(server.getHealthStatus().server.listening, false)
  assert.equal(core.hookSystem.count('registerHook'), 0)
  await server.shutdown()
  await writeFeatures(dataDir, 'features:\n  realtime: true\n  geography: false\n')
  await server.initialize()
  assert.equal(server.getHealthStatus().server.listening, true)
})

test('without collaborative editing everybody reads', async (t) => {
  const { server, dataDir } = await createServer(t, { start: false })
  await writeFeatures(dataDir, 'features:\n  collaborative_editing: false\n')
  await server.initialize()
  assert.equal((await connect(t, server).acknowledged).readOnly, true)
})

test('flags go over the file, and over the defaults without one', async (t) => {
  for (const yaml of ['realtime:\n  features:\n    snapshots: true\n    presence_tracking: false\n', null]) {
    const { dataDir, systemDataDir } = await createDataDir(t, yaml)
    const features = path.join(dataDir, 'features.yml')
    await writeFile(features, 'features:\n  snapshots: false\n')
    const manager = new RealtimeConfigManager(systemDataDir, { warn() {} }, features)
    const config = await manager.loadConfig()
    assert.deepEqual([config.features.snapshots, config.features.presence_tracking], [false, yaml === null])
  }
})

test('a flag that is none is one error that names the file', async (t) => {
  const { server, dataDir } = await createServer(t, { start: false })
  await writeFeatures(dataDir, 'features:\n  realtime: perhaps\n')
  await assert.rejects(
    server.initialize(),
    (error) => error.code === 'CONFIG_INVALID' && /features\.yml/.test(error.message),
  )
})

test('roles that may not connect do not, whatever the room', async (t) => {
  const { server } = await createServer(t, { yaml: '  auth:\n    allowed_roles: [clerk]\n' })
  server.registerRoomTypeHandler(new EchoHandler())
  for (const room of ['records/noise', 'echo/1']) {
    await connect(t, server, { room }).acknowledged
    const { code, reason } = await connect(t, server, { room, token: 'token-vic' }).closed
    assert.deepEqual([code, reason.reason], [4003, 'role_not_allowed'])
  }
})
