/** Configurations: what is wrong is named with its place and what is allowed, what is unknown is warned of. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { RealtimeModule, TestHost, atEnd, startEngine, temporaryFolder } from '../support/engine.mjs'

const make = (config, callbacks = new TestHost().callbacks()) => new RealtimeModule(config, callbacks)

/** Sets environment variables for one test. */
function withEnvironment(t, variables) {
  for (const name of Object.keys(variables)) atEnd(t, () => delete process.env[name])
  Object.assign(process.env, variables)
}

test('a wrong value is named, with what was found and what is allowed', () => {
  for (const [config, key, found] of [
    [{ port: 70_000 }, 'port', '70000'],
    [{ port: '3001x' }, 'port', '"3001x"'],
    [{ port: 1.5 }, 'port', '1.5'],
    [{ port: null, host: 7 }, 'host', '7'],
    [{ path: 'realtime' }, 'path', '"realtime"'],
    [{ enabled: 'perhaps' }, 'enabled', '"perhaps"'],
    [{ rooms: { max_rooms: 0 } }, 'rooms.max_rooms', '0'],
    [{ rooms: { grace_period_ms: -1 } }, 'rooms.grace_period_ms', '-1'],
    [{ rooms: [] }, 'rooms', 'a list'],
    [{ snapshots: { storage: 'tape' } }, 'snapshots.storage', '"tape"'],
    [{ rate_limiting: { policy: 7 } }, 'rate_limiting.policy', '7'],
    [{ allowed_origins: ['https://town.example/path'] }, 'allowed_origins', null],
    [{ trusted_proxies: ['somewhere'] }, 'trusted_proxies', null],
    [{ redis: { enabled: true } }, 'redis.enabled', 'true'],
    [{ connection_cleanup: { stale_threshold: 5 } }, 'connection_cleanup.stale_threshold', '5'],
  ]) {
    assert.throws(
      () => make(config),
      (error) => {
        const { code, statusCode, context, message } = error
        assert.ok(error instanceof Error)
        assert.deepEqual([code, statusCode], ['CONFIG_INVALID', 400])
        assert.ok(context.key.startsWith(key), `${context.key} instead of ${key}`)
        if (found !== null) assert.equal(context.found, found)
        assert.ok(context.allowed.length > 0)
        return message.includes(context.key) && message.includes(context.allowed)
      },
      JSON.stringify(config),
    )
    assert.throws(() => RealtimeModule.validateConfig(config), { code: 'CONFIG_INVALID' })
  }
})

test('what is neither a path nor an object, and hosts that cannot be called, are refused', () => {
  for (const config of [undefined, null, 7, true, []]) assert.throws(() => make(config), Error)
  for (const [callbacks, key] of [
    [{}, 'host.authorize'],
    [{ authorize() {} }, 'host.load'],
    [{ authorize: 7, load() {} }, 'host.authorize'],
    [{ authorize() {}, load() {}, save: 'yes' }, 'host.save'],
    [{ authorize() {}, load() {}, hook: {} }, 'host.hook'],
    [{ authorize() {}, load() {}, log: 1 }, 'host.log'],
    [{ authorize() {}, load() {}, logLevel: 'loud' }, 'host.logLevel'],
  ]) {
    assert.throws(
      () => make({}, callbacks),
      (error) => error.code === 'CONFIG_INVALID' && error.context.key === key && error.message.includes(key),
      key,
    )
  }
  for (const callbacks of [undefined, null, 7]) {
    assert.throws(() => new RealtimeModule({}, callbacks), Error)
  }
  assert.throws(() => RealtimeModule({}, {}), Error)
})

test('a file is read with its lines; a missing one says so', async (t) => {
  const folder = await temporaryFolder(t)
  const file = path.join(folder, 'realtime.yml')
  assert.throws(
    () => make(file),
    (error) => error.code === 'CONFIG_INVALID' && error.context.reason === 'not_found' && error.message.includes(file),
  )
  await writeFile(file, 'realtime:\n  port: 0\n  rooms:\n    max_rooms: many\n')
  assert.throws(
    () => make(file),
    ({ code, context, message }) => {
      assert.deepEqual([code, context.file, context.line, context.key], ['CONFIG_INVALID', file, 4, 'rooms.max_rooms'])
      return message.startsWith(`${file}:4: rooms.max_rooms: found "many"`)
    },
  )
  await writeFile(file, 'realtime: [unfinished')
  assert.throws(() => make(file), { code: 'CONFIG_INVALID' })

  await writeFile(file, 'realtime:\n  port: 0\n  host: 127.0.0.1\n  storage:\n    file: data/own.db\n')
  const module = make(file)
  atEnd(t, () => module.shutdown())
  assert.ok((await module.start()).port > 0)
  const { config } = RealtimeModule.readConfig(file)
  assert.deepEqual([config.host, config.storage.file], ['127.0.0.1', 'data/own.db'])
  // Relative paths begin at the file's folder.
  const { readdir } = await import('node:fs/promises')
  assert.ok((await readdir(path.join(folder, 'data'))).includes('own.db'))
})

test('unknown keys and old spellings are warned of when it starts, with the nearest known name', async (t) => {
  const host = new TestHost()
  await startEngine(t, { host, config: { prot: 7, rooms: { max_room: 3 }, snapshot: { interval: 5 } } })
  const warnings = () => host.logs.all(({ level }) => level === 'warn').map(({ message }) => message)
  await host.logs.atLeast(3, ({ level }) => level === 'warn')
  for (const [unknown, known] of [
    ['prot', 'port'],
    ['rooms.max_room', 'rooms.max_rooms'],
    ['snapshot', 'snapshots'],
  ]) {
    assert.ok(
      warnings().some((message) => message.includes(`\`${unknown}\``) && message.includes(`\`${known}\``)),
      `${unknown}: ${warnings().join('\n')}`,
    )
  }
  const { config, warnings: reported } = RealtimeModule.validateConfig({ prot: 7, snapshot: { interval: 5 } })
  assert.equal(config.snapshots.interval, 5)
  assert.equal(reported.length, 2)
})

test('the environment goes over everything, and is checked as well', async (t) => {
  withEnvironment(t, {
    CIVIC_REALTIME_ROOMS_MAX_ROOMS: '7',
    CIVIC_REALTIME_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
    CIVIC_REALTIME_HEARTBEAT: '',
    CIVIC_REALTIME_ROOMS_MAX_ROOM: '9',
  })
  const { config, warnings } = RealtimeModule.validateConfig({ rooms: { max_rooms: 3 }, heartbeat: 9 })
  assert.equal(config.rooms.max_rooms, 7)
  assert.equal(config.heartbeat, 9, 'an empty variable is not set')
  assert.deepEqual(config.allowed_origins, ['https://a.example', 'https://b.example'])
  assert.ok(warnings.some((warning) => warning.includes('CIVIC_REALTIME_ROOMS_MAX_ROOM`')))
  withEnvironment(t, { CIVIC_REALTIME_PORT: 'many' })
  assert.throws(
    () => make({}),
    ({ code, context, message }) =>
      code === 'CONFIG_INVALID' && context.variable === 'CIVIC_REALTIME_PORT' && message.includes('"many"'),
  )
})

test('the defaults are those of the example', () => {
  const defaults = RealtimeModule.defaultConfig()
  assert.deepEqual([defaults.port, defaults.path, defaults.rooms.max_rooms], [3001, '/realtime', 100])
  assert.deepEqual(RealtimeModule.validateConfig({}).config, defaults)
  assert.deepEqual(RealtimeModule.readConfig('config/realtime.example.yml').config, defaults)
})
