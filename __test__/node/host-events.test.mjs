/** The hooks that the host's bus sees, and that rooms do not feel what its handlers do. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRealtimeServer } from '@civicpress/realtime'

import { connect, eventually } from '../support/clients.mjs'
import { createCore, createDataDir } from '../support/core.mjs'

async function setUp(t, core = createCore()) {
  core.recordManager.add({ id: 'noise', content: 'Quiet please.\n' })
  const { dataDir, systemDataDir } = await createDataDir(
    t,
    'realtime:\n  host: 127.0.0.1\n  port: 0\n  rooms:\n    grace_period_ms: 0\n',
  )
  const server = createRealtimeServer(core, { dataDir, systemDataDir })
  t.after(() => server.shutdown())
  await server.initialize()
  return { core, server }
}

test('a visit is told from the first client to the end of the room', async (t) => {
  const { core, server } = await setUp(t)
  const client = connect(t, server)
  const { clientId } = await client.acknowledged
  client.socket.close()
  await client.closed
  const { hookSystem } = core
  const destroyed = 'realtime:room:destroyed'
  await eventually(() => hookSystem.emitted(destroyed).length > 0, destroyed)

  const room = { roomId: 'records:noise', roomType: 'records' }
  for (const [name, expected] of [
    ['realtime:room:created', { ...room, createdBy: 1 }],
    ['realtime:client:connected', { ...room, clientId, userId: 1 }],
    ['realtime:client:disconnected', { ...room, clientId, userId: 1 }],
    [destroyed, { roomId: room.roomId }],
  ]) {
    const payloads = hookSystem.emitted(name)
    assert.equal(payloads.length, 1, name)
    const [payload] = payloads
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(payload[key], value, `${name} ${key}`)
    assert.ok(Math.abs(payload.timestamp - Date.now()) < 60_000, name)
    assert.equal(typeof payload.correlationId, 'string', name)
  }
})

for (const [what, emit] of [
  ['throw', () => assert.fail('bad handler')],
  ['reject', () => Promise.reject(new Error('bad handler'))],
  ['never end', () => new Promise(() => {})],
]) {
  test(`clients join, speak and leave while all handlers ${what}`, async (t) => {
    const core = createCore()
    core.hookSystem.emit = emit
    const { server } = await setUp(t, core)
    const client = connect(t, server)
    await client.acknowledged
    client.socket.send('{"type":"ping"}')
    await eventually(() => client.frames.some(({ type }) => type === 'pong'), 'a pong')
    await server.shutdown()
    assert.equal((await client.closed).code, 4503)
  })
}
