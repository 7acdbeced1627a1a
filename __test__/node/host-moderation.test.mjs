/** What a host may do to clients and rooms while they live. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, eventually } from '../support/clients.mjs'
import { createServer } from '../support/servers.mjs'

async function setUp(t) {
  const { server } = await createServer(t)
  const client = connect(t, server)
  const { clientId } = await client.acknowledged
  return { server, client, clientId }
}

test('rights are changed while somebody is connected', async (t) => {
  const { server, client, clientId } = await setUp(t)
  assert.equal(await server.setPermissions(clientId, { canEdit: false }), true)
  assert.equal((await client.frame(({ event }) => event === 'permission.changed')).readOnly, true)
  assert.equal(server.connections.get(clientId).readOnly, true)
  await server.setPermissions(clientId, { canView: true, canEdit: true })
  await client.frame(({ event, readOnly }) => event === 'permission.changed' && !readOnly)
  await server.setPermissions(clientId, { canView: false })
  const { code, reason } = await client.closed
  assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'view_not_allowed'])
  assert.equal(await server.setPermissions(clientId, { canEdit: true }), false)
})

test('a user is sent away from one room, or from all', async (t) => {
  const { server, client } = await setUp(t)
  const zoning = connect(t, server, { room: 'records/zoning' })
  const ben = connect(t, server, { token: 'token-ben' })
  await Promise.all([zoning.acknowledged, ben.acknowledged])
  assert.equal(server.kickUser(1, 'cool down', 'records:zoning'), 1)
  const { code, reason } = await zoning.closed
  assert.deepEqual([code, reason.code, reason.reason], [4003, 'KICKED', 'cool down'])
  assert.equal(server.kickUser('1'), 1)
  assert.equal((await client.closed).code, 4003)
  assert.equal(server.kickUser(99), 0)
  assert.equal(ben.socket.readyState, ben.socket.OPEN)
})

test('a locked room is read, not edited, until it is unlocked', async (t) => {
  const { server, client } = await setUp(t)
  await server.lockRoom('records:noise', 'council meets')
  const locked = await client.frame(({ event }) => event === 'permission.changed')
  assert.deepEqual([locked.readOnly, locked.reason], [true, 'council meets'])
  assert.equal((await connect(t, server, { token: 'token-ben' }).acknowledged).readOnly, true)
  await server.unlockRoom('records:noise')
  await client.frame(({ event, readOnly }) => event === 'permission.changed' && !readOnly)
  await assert.rejects(server.lockRoom('nonsense'), { code: 'INVALID_ID' })
})

test('a notice reaches a room, or everybody', async (t) => {
  const { server, client } = await setUp(t)
  const zoning = connect(t, server, { room: 'records/zoning' })
  await zoning.acknowledged
  assert.equal(await server.sendNotice('Only here', 'warning', 'records:noise'), 1)
  assert.equal(await server.sendNotice('Everywhere'), 2)
  const noticed = ({ frames }) => frames.filter(({ event }) => event === 'notice').map(({ notice }) => notice)
  await zoning.frame(({ event }) => event === 'notice')
  await client.frame(({ notice }) => notice?.message === 'Everywhere')
  assert.deepEqual(noticed(zoning), [{ level: 'info', message: 'Everywhere' }])
  assert.deepEqual(noticed(client)[0], { level: 'warning', message: 'Only here' })
  assert.equal(await server.sendNotice('Nobody', 'info', 'records:none'), 0)
  await assert.rejects(server.sendNotice('x', 'loud'), { code: 'INVALID_MESSAGE' })
})

test('a changed record is news to its room only', async (t) => {
  const { server } = await setUp(t)
  assert.equal(await server.recordChanged('noise'), true)
  assert.equal(await server.recordChanged('zoning'), false)
  await assert.rejects(server.recordChanged('../noise'), { code: 'INVALID_ID' })
})

test('rooms are listed while they live', async (t) => {
  const { server, client } = await setUp(t)
  const [{ roomId, roomType, clients }] = server.liveRooms()
  assert.deepEqual([roomId, roomType, clients], ['records:noise', 'records', 1])
  client.socket.close()
  await eventually(() => server.liveRooms()[0].clients === 0, 'it is idle')
})

test('without a running server there is nobody to do it to; a lock would be lost, and is refused', async (t) => {
  const { server } = await createServer(t, { start: false })
  for (const shutDown of [false, true]) {
    if (shutDown) {
      await server.initialize()
      await server.shutdown()
    }
    assert.equal(await server.setPermissions('client_0', { canEdit: true }), false)
    assert.equal(server.kickUser(1), 0)
    assert.equal(server.revokeUserConnections(1), 0)
    assert.equal(await server.sendNotice('x'), 0)
    assert.equal(await server.recordChanged('noise'), false)
    assert.deepEqual(server.liveRooms(), [])
    for (const call of ['lockRoom', 'unlockRoom']) {
      await assert.rejects(server[call]('records:noise'), { code: 'NOT_RUNNING', statusCode: 503 })
    }
  }
})
