/** The host's configuration manager: which file, what is said about it, and that the engine judges it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'

import { createRealtimeServer, RealtimeConfigManager, RealtimeError } from '@civicpress/realtime'

import { createCore, createDataDir, Logger } from '../support/core.mjs'

async function setUp(t, yaml) {
  const logger = new Logger()
  const { systemDataDir } = await createDataDir(t, yaml)
  return { logger, systemDataDir, manager: new RealtimeConfigManager(systemDataDir, logger) }
}

test('a file is read and completed with defaults', async (t) => {
  const { logger, manager } = await setUp(t, 'realtime:\n  port: 4100\n')
  const config = await manager.loadConfig()
  assert.equal(config.port, 4100)
  assert.equal(config.rooms.max_rooms, 100)
  assert.equal(config.snapshots.storage, 'database')
  assert.deepEqual(logger.calls, [])
})

test('a file that is not there means the defaults, with a warning', async (t) => {
  const { logger, manager } = await setUp(t, null)
  assert.deepEqual(await manager.loadConfig(), manager.getDefaultConfig())
  assert.equal(logger.messages('warn').length, 1)
  assert.ok(logger.messages('warn')[0].includes(manager.configPath))
})

test('an unknown key is a warning that names it and the nearest known one', async (t) => {
  const { logger, manager } = await setUp(t, 'realtime:\n  prot: 4100\n')
  assert.equal((await manager.loadConfig()).port, 3001)
  assert.equal(logger.messages('warn').length, 1)
  assert.match(logger.messages('warn')[0], /prot.*port/)
})

test('without a logger, warnings are warnings of the process', async (t) => {
  const { systemDataDir } = await setUp(t, null)
  const warned = once(process, 'warning')
  await new RealtimeConfigManager(systemDataDir).loadConfig()
  assert.equal((await warned)[0].name, 'RealtimeConfigWarning')
})

test('a wrong type is one error that says where and what is allowed', async (t) => {
  const { manager } = await setUp(t, 'realtime:\n  host: 127.0.0.1\n  port: many\n')
  await assert.rejects(manager.loadConfig(), (error) => {
    assert.ok(error instanceof RealtimeError)
    assert.equal(error.code, 'CONFIG_INVALID')
    assert.equal(error.statusCode, 400)
    assert.equal(error.context.file, manager.configPath)
    assert.equal(error.context.line, 3)
    assert.match(error.context.key, /port$/)
    assert.ok('found' in error.context && 'allowed' in error.context)
    return true
  })
})

test('validateConfig completes a good configuration and throws for a bad one', async (t) => {
  const { manager } = await setUp(t, null)
  const { config, warnings } = manager.validateConfig({ port: 4100 })
  assert.equal(config.port, 4100)
  assert.equal(config.path, '/realtime')
  assert.deepEqual(warnings, [])
  const mistakes = [{ port: 70_000 }, { port: 'x' }, { rooms: { max_rooms: 0 } }, { snapshots: { storage: 's3' } }]
  for (const bad of mistakes) {
    assert.throws(() => manager.validateConfig(bad), { name: 'RealtimeError', code: 'CONFIG_INVALID' })
  }
})

test('a server does not start with a bad configuration, and does once it is mended', async (t) => {
  const { dataDir, configFile } = await createDataDir(t, 'realtime:\n  port: many\n')
  const server = createRealtimeServer(createCore(), { dataDir })
  t.after(() => server.shutdown())
  await assert.rejects(server.initialize(), { code: 'CONFIG_INVALID' })
  await writeFile(configFile, 'realtime:\n  host: 127.0.0.1\n  port: 0\n')
  await server.initialize()
  assert.ok(server.getHealthStatus().server.listening)
})
