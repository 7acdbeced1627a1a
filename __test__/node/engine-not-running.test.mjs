/** Calls that need a running engine say so before the start and after the end. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { listen, startEngine } from '../support/live-engine.mjs'

const calls = {
  connections: (engine) => engine.connections(),
  connection: (engine) => engine.connection('client_0000000000000001'),
  'connection of nobody': (engine) => engine.connection('nobody'),
  send: (engine) => engine.send('client_0000000000000001', 'x'),
  broadcast: (engine) => engine.broadcast('desk:1', 'x'),
  close: (engine) => engine.close('client_0000000000000001'),
  setPermissions: (engine) => engine.setPermissions('client_0000000000000001', {}),
  kick: (engine) => engine.kick(1),
  lockRoom: (engine) => engine.lockRoom('records:x'),
  unlockRoom: (engine) => engine.unlockRoom('records:x'),
  notice: (engine) => engine.notice('x'),
  recordChanged: (engine) => engine.recordChanged('x'),
}

async function allRefuse(engine, when) {
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(async () => call(engine), { code: 'NOT_RUNNING', statusCode: 503 }, `${name} ${when}`)
  }
}

test('before the start, and after the end', async (t) => {
  const live = await startEngine(t, { start: false })
  await allRefuse(live.engine, 'before the start')
  await listen(live)
  assert.deepEqual(live.engine.connections(), [])
  await live.engine.shutdown()
  await allRefuse(live.engine, 'after the end')
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  assert.deepEqual(live.engine.roomTypes(), ['desk', 'records'])
  assert.equal(live.engine.unregisterRoomType('desk'), true)
})
