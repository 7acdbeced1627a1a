/** A module's device rooms, from a device's token to its end, as a host would have them. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { createRealtimeServer } from '@civicpress/realtime'

import { connect, eventually } from '../support/clients.mjs'
import { createCore, createDataDir } from '../support/core.mjs'
import { registerDevices } from '../support/device-room.mjs'

const ROOM = 'devices/7f3a'

async function setUp(t) {
  const core = createCore()
  const server = createRealtimeServer(core, await createDataDir(t))
  const devices = registerDevices(server, core.authService)
  t.after(() => server.shutdown())
  await server.initialize()
  const device = connect(t, server, { room: ROOM, token: 'device-token-1' })
  const { clientId } = await device.acknowledged
  await device.frame(({ type }) => type === 'hello')
  return { core, server, devices, device, clientId }
}

test('a device comes in with a token of its own, and is found by it', async (t) => {
  const { core, server, devices, device, clientId } = await setUp(t)
  assert.deepEqual(
    device.frames.map(({ event, type }) => event ?? type),
    ['connection.ack', 'hello'],
  )
  assert.equal(core.authService.count('validateSession'), 0)
  const identity = { deviceId: '11', deviceUuid: '7f3a', organizationId: 'town' }
  assert.deepEqual([...server.clientToDevice], [[clientId, identity]])
  const room = server.getRoomManager().getRoom('device:7f3a')
  const [{ id, roomId, connectedAt, userId, username, role, isDevice }] = room.getState().participants
  assert.deepEqual([id, roomId, userId, username, role], [clientId, 'device:7f3a', '11', 'device:7f3a', 'device'])
  assert.ok(isDevice && Math.abs(connectedAt - Date.now()) < 10_000)
  assert.equal(devices.contexts[0].roomId, '7f3a')
})

test('a command goes out, its acknowledgement comes in, and observers see it', async (t) => {
  const { server, devices, device } = await setUp(t)
  const observer = connect(t, server, { room: ROOM, token: 'token-vic' })
  await observer.frame(({ type, device }) => type === 'hello' && !device)
  device.socket.on('message', (data) => {
    const { type, id } = JSON.parse(String(data))
    if (type === 'command') device.say({ type: 'ack', commandId: id })
  })
  assert.equal(server.getRoomManager().getRoom('device:7f3a').command({ type: 'command', id: 'c1' }), true)
  await observer.frame(({ type, commandId }) => type === 'ack' && commandId === 'c1')
  assert.deepEqual(devices.acknowledged, ['c1'])
  assert.ok(!observer.frames.some(({ type }) => type === 'command'))
  assert.ok(!device.frames.some(({ type }) => type === 'ack'))
})

test('an observer who speaks is told that observers look on', async (t) => {
  const { server, devices } = await setUp(t)
  const observer = connect(t, server, { room: ROOM, token: 'token-vic' })
  await observer.acknowledged
  observer.say({ type: 'ack', commandId: 'forged' })
  const { error } = await observer.frame(({ event }) => event === 'error')
  assert.equal(error.message, 'observers only look on')
  assert.deepEqual(devices.acknowledged, [])
})

test('observers hear of the end of a device, and commands find it no more', async (t) => {
  const { server, devices, device, clientId } = await setUp(t)
  const room = server.getRoomManager().getRoom('device:7f3a')
  const observer = connect(t, server, { room: ROOM, token: 'token-vic' })
  await observer.acknowledged
  device.socket.close()
  await observer.frame(({ type, deviceUuid }) => type === 'device.disconnected' && deviceUuid === '7f3a')
  const [gone] = devices.gone
  assert.equal(gone.clientId, clientId)
  assert.equal(gone.auth.deviceAuth.deviceId, '11')
  assert.equal(gone.room, room)
  assert.ok(gone.participants.includes(clientId), 'while it is told, the room still lists the device')
  assert.equal(server.clientToDevice.size, 0)
  assert.equal(server.connections.has(clientId), false)
  assert.equal(room.command({ type: 'command', id: 'c2' }), false)
  assert.ok(!room.getState().participants.some(({ id }) => id === clientId))
})

test('a device that comes back finds the very same room', async (t) => {
  const { server, devices, device } = await setUp(t)
  const room = server.getRoomManager().getRoom('device:7f3a')
  device.socket.close()
  await eventually(() => devices.gone.length === 1, 'the device is gone')
  assert.equal(server.getRoomManager().getRoom('device:7f3a'), room)
  const again = connect(t, server, { room: ROOM, token: 'device-token-1' })
  await again.frame(({ type }) => type === 'hello')
  assert.equal(server.getRoomManager().getRoom('device:7f3a'), room)
  assert.equal(room.destroyed, false)
})

test('an unknown token is told so and closed', async (t) => {
  const { server } = await setUp(t)
  for (const [token, room] of [
    ['nobody', ROOM],
    ['device-token-1', 'devices/another'],
  ]) {
    const client = connect(t, server, { room, token })
    const { code, reason } = await client.closed
    assert.equal(code, 4001)
    assert.equal(reason.code, 'AUTH_FAILED')
    const { error } = client.frames.find(({ event }) => event === 'error')
    assert.deepEqual([error.code, error.message, error.statusCode], ['AUTH_FAILED', 'unknown token', 401])
  }
})

test('without any token the room type is not even asked', async (t) => {
  const { server, devices } = await setUp(t)
  const { code } = await connect(t, server, { room: ROOM, token: null }).closed
  assert.equal(code, 4001)
  assert.equal(devices.contexts.length, 1)
})

test("a user's revoked sessions leave devices alone; a device can be revoked itself", async (t) => {
  const { server, device } = await setUp(t)
  const observer = connect(t, server, { room: ROOM, token: 'token-vic' })
  await observer.acknowledged
  assert.equal(server.revokeUserConnections(11), 0)
  assert.equal(server.revokeUserConnections(3, 'logout'), 1)
  assert.equal((await observer.closed).code, 4001)
  assert.equal(server.revokeUserConnections('device:11', 'stolen'), 1)
  assert.equal((await device.closed).code, 4001)
})

test('the end of the server is the end of its devices', async (t) => {
  const { server, devices, device, clientId } = await setUp(t)
  const room = server.getRoomManager().getRoom('device:7f3a')
  const connection = server.connections.get(clientId)
  const closed = once(device.socket, 'close')
  await server.shutdown()
  assert.equal((await closed)[0], 4503)
  assert.equal(devices.gone.length, 1)
  assert.ok(room.destroyed)
  assert.equal(server.getRoomManager().getRoomCount(), 0)
  assert.equal(server.clientToDevice.size, 0)
  assert.equal(connection.readyState, 3)
  assert.equal(connection.send('x'), false)
})
