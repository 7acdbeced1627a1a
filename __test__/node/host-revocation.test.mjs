/** A user whose sessions are revoked is out at once; everybody else stays. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRealtimeServer } from '@civicpress/realtime'

import { connect } from '../support/clients.mjs'
import { createCore, createDataDir } from '../support/core.mjs'

async function setUp(t) {
  const core = createCore()
  core.recordManager.add({ id: 'noise', content: 'Quiet please.\n' })
  core.recordManager.add({ id: 'zoning', content: 'Low houses.\n' })
  const server = createRealtimeServer(core, await createDataDir(t))
  t.after(() => server.shutdown())
  await server.initialize()
  const clients = [
    connect(t, server),
    connect(t, server, { room: 'records/zoning' }),
    connect(t, server, { token: 'token-ben' }),
  ]
  await Promise.all(clients.map(({ acknowledged }) => acknowledged))
  return { core, server, ann: clients.slice(0, 2), ben: clients[2] }
}

async function assertRevoked(client, reason) {
  const closed = await client.closed
  assert.equal(closed.code, 4001)
  assert.equal(closed.reason.code, 'SESSION_REVOKED')
  const told = client.frames.find(({ event }) => event === 'session.revoked')
  assert.equal(told.reason, reason)
}

test("the core's hook closes all connections of the user", async (t) => {
  const { core, ann, ben } = await setUp(t)
  await core.hookSystem.emit('auth:sessions:revoked', { userId: 1, reason: 'password changed' })
  for (const client of ann) await assertRevoked(client, 'password changed')
  assert.equal(ben.socket.readyState, ben.socket.OPEN)
})

test('a payload without a user closes nobody', async (t) => {
  const { core, ann, ben } = await setUp(t)
  await core.hookSystem.emit('auth:sessions:revoked', { user: 1 })
  // A call that does close somebody shows that the one before is over.
  await core.hookSystem.emit('auth:sessions:revoked', { userId: 2 })
  assert.equal((await ben.closed).code, 4001)
  for (const { socket } of ann) assert.equal(socket.readyState, socket.OPEN)
})

test('the host can do it itself, with the id as text, and learns how many there were', async (t) => {
  const { server, ann } = await setUp(t)
  assert.equal(server.revokeUserConnections('1', 'logout'), 2)
  for (const client of ann) await assertRevoked(client, 'logout')
  assert.equal(server.revokeUserConnections(99), 0)
})
