/** Starting and shutting down, as often and in whatever order the host does it. */

import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'

import { createRealtimeServer, RealtimeError } from '@civicpress/realtime'

import { createCore, createDataDir } from '../support/core.mjs'

async function setUp(t, yaml) {
  const core = createCore()
  const { dataDir } = await createDataDir(t, yaml)
  const server = createRealtimeServer(core, { dataDir })
  t.after(() => server.shutdown())
  return { core, server }
}

const yamlFor = (port) => `realtime:\n  host: 127.0.0.1\n  port: ${port}\n`
const stopped = { status: 'stopped', server: { listening: false, port: null, host: null } }

async function accepts(port) {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function occupiedPort(t) {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  return { other, port: other.address().port }
}

test('a server that was only made has started nothing', async (t) => {
  const { core, server } = await setUp(t)
  assert.deepEqual(server.getHealthStatus(), stopped)
  for (const service of Object.values(core)) assert.deepEqual(service.calls, [])
  assert.equal(server.revokeUserConnections(1), 0)
  await server.shutdown()
})

test('initialize listens on a port that health tells', async (t) => {
  const { server } = await setUp(t)
  await server.initialize()
  const { status, server: address } = server.getHealthStatus()
  assert.equal(status, 'healthy')
  assert.equal(address.listening, true)
  assert.equal(address.host, '127.0.0.1')
  assert.ok(await accepts(address.port))
})

test('calls of initialize share one start', async (t) => {
  const { core, server } = await setUp(t)
  await Promise.all([server.initialize(), server.initialize()])
  const { port } = server.getHealthStatus().server
  await server.initialize()
  assert.equal(server.getHealthStatus().server.port, port)
  const heard = core.hookSystem.calls.filter(([method]) => method === 'registerHook').map(([, name]) => name)
  assert.equal(new Set(heard).size, heard.length)
})

test('shutdown frees the port and takes us off the hook bus; twice is fine', async (t) => {
  const { core, server } = await setUp(t)
  await server.initialize()
  const { port } = server.getHealthStatus().server
  await Promise.all([server.shutdown(), server.shutdown()])
  await server.shutdown()
  assert.deepEqual(server.getHealthStatus(), stopped)
  assert.equal(await accepts(port), false)
  assert.deepEqual(core.hookSystem.handlers.get('auth:sessions:revoked'), [])
})

test('a server can be started again', async (t) => {
  const { server } = await setUp(t)
  await server.initialize()
  const down = server.shutdown()
  const up = server.initialize()
  await Promise.all([down, up])
  assert.ok(await accepts(server.getHealthStatus().server.port))
})

test('a shutdown during the start waits for it', async (t) => {
  const { server } = await setUp(t)
  const up = server.initialize()
  await server.shutdown()
  await up
  assert.deepEqual(server.getHealthStatus(), stopped)
})

test('with `enabled: false` nothing listens', async (t) => {
  const { core, server } = await setUp(t, 'realtime:\n  enabled: false\n')
  await server.initialize()
  assert.deepEqual(server.getHealthStatus(), stopped)
  assert.equal(core.hookSystem.count('registerHook'), 0)
})

test('a busy port rejects, leaves nothing behind, and can be tried again', async (t) => {
  const { other, port } = await occupiedPort(t)
  const { core, server } = await setUp(t, yamlFor(port))
  const failure = await server.initialize().then(
    () => assert.fail('it should not start'),
    (error) => error,
  )
  assert.ok(failure instanceof RealtimeError)
  assert.equal(failure.code, 'LISTEN_FAILED')
  assert.equal(failure.statusCode, 503)
  assert.deepEqual(server.getHealthStatus(), stopped)
  assert.deepEqual(core.hookSystem.handlers.get('auth:sessions:revoked'), [])
  other.close()
  await once(other, 'close')
  await server.initialize()
  assert.equal(server.getHealthStatus().server.port, port)
})

test('a snapshot of a record that nobody has open does nothing, started or not', async (t) => {
  const { server } = await setUp(t)
  for (const start of [false, true]) {
    if (start) await server.initialize()
    const { snapshotCreated, version, timestamp } = await server.triggerRecordSnapshot('noise')
    assert.deepEqual([snapshotCreated, version], [false, null])
    assert.ok(Math.abs(timestamp - Date.now()) < 10_000)
  }
})

test('a record id that cannot be one is refused', async (t) => {
  const { server } = await setUp(t)
  await server.initialize()
  await assert.rejects(server.triggerRecordSnapshot('../noise'), (error) => {
    assert.ok(error instanceof RealtimeError)
    return error.code === 'INVALID_ID'
  })
})

test('a logger that throws and a bus that can only emit do not keep it from starting', async (t) => {
  const core = createCore()
  for (const level of ['error', 'warn', 'info', 'debug']) core.logger.fail(level)
  core.hookSystem = { emit: () => assert.fail('no hooks today') }
  const { dataDir } = await createDataDir(t)
  const server = createRealtimeServer(core, { dataDir })
  t.after(() => server.shutdown())
  await server.initialize()
  assert.ok(server.getHealthStatus().server.listening)
})
