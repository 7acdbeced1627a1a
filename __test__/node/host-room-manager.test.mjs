/** The rooms: which there are, for how long, and what odd factories come to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PermissionDeniedError, RealtimeError, RecordRoom, RoomManager, RoomNotFoundError } from '@civicpress/realtime'

import { connect, eventually } from '../support/clients.mjs'
import { createServer } from '../support/servers.mjs'

/** A room that writes down what happens to it. */
class Room {
  clients = new Map()
  ended = 0
  constructor(roomId, config) {
    this.roomId = roomId
    this.roomType = config.roomType
    this.config = config
  }
  addClient(id, data) {
    this.clients.set(id, data)
  }
  removeClient(id) {
    this.clients.delete(id)
  }
  broadcast() {}
  getState() {
    return { roomId: this.roomId, roomType: this.roomType, participants: [...this.clients.values()], version: 0 }
  }
  async destroy() {
    this.ended += 1
  }
}

const factory = { createRoom: (roomId, config) => new Room(roomId, config), supportsRoomType: (type) => type === 'y' }

async function setUp(t, options) {
  const made = await createServer(t, options)
  made.rooms = made.server.getRoomManager()
  made.rooms.registerRoomType('x', factory)
  made.server.registerRoomTypeHandler({ roomType: 'x' })
  return made
}

const roomHooks = (core) =>
  core.hookSystem.calls
    .filter(([method, name]) => method === 'emit' && name.startsWith('realtime:room:'))
    .map(([, name, { roomId, reason, createdBy }]) => [
      name.slice('realtime:room:'.length),
      roomId,
      reason ?? createdBy,
    ])

test('a room is made once, whoever asks first, and is the same while it lives', async (t) => {
  const { core, server, rooms } = await setUp(t)
  assert.equal(rooms.getRoom('x:1'), null)
  const room = rooms.getOrCreateRoom('x:1', 'x', { maxClients: 3 })
  assert.deepEqual(room.config, { maxClients: 3, roomId: 'x:1', roomType: 'x' })
  const client = connect(t, server, { room: 'x/1' })
  await client.acknowledged
  await eventually(() => room.clients.size === 1, 'the client is in')
  assert.equal(rooms.getRoom('x:1'), room)
  assert.equal(rooms.getOrCreateRoom('x:1', 'x'), room)
  assert.deepEqual(rooms.getAllRooms(), [room])
  assert.deepEqual([rooms.getRoomCount(), rooms.getActiveRoomIds()], [1, new Set(['x:1'])])
  client.socket.close()
  await eventually(() => room.clients.size === 0, 'the client is gone')
  assert.equal(rooms.getRoom('x:1'), room, 'in its grace period')
  assert.deepEqual(roomHooks(core), [['created', 'x:1', null]])
})

test('without a grace period a room ends with its last client, and says so', async (t) => {
  const { core, server, rooms } = await setUp(t, { yaml: '  rooms:\n    grace_period_ms: 0\n' })
  const clients = [connect(t, server, { room: 'x/1' }), connect(t, server, { room: 'x/1', token: 'token-ben' })]
  await Promise.all(clients.map(({ acknowledged }) => acknowledged))
  await eventually(() => rooms.getRoom('x:1')?.clients.size === 2, 'both are in')
  const room = rooms.getRoom('x:1')
  clients[0].socket.close()
  await eventually(() => room.clients.size === 1, 'one is left')
  assert.equal(rooms.getRoom('x:1'), room)
  clients[1].socket.close()
  await eventually(() => room.ended === 1, 'the room has ended')
  await eventually(() => roomHooks(core).length === 2, 'the hooks are there')
  assert.equal(rooms.getRoom('x:1'), null)
  assert.deepEqual(
    roomHooks(core).map(([event, id]) => [event, id]),
    [
      ['created', 'x:1'],
      ['destroyed', 'x:1'],
    ],
  )
  assert.equal(roomHooks(core)[1][2], 'idle')
})

test('hooks of a room come in order, with who made it', async (t) => {
  const { core, server } = await setUp(t)
  await connect(t, server, { room: 'x/1' }).acknowledged
  const names = () => core.hookSystem.calls.filter(([method]) => method === 'emit').map(([, name]) => name)
  await eventually(() => names().includes('realtime:client:connected'), 'the hooks are there')
  assert.deepEqual(names(), ['realtime:room:created', 'realtime:client:connected'])
  const [{ roomType, createdBy, timestamp, correlationId }] = core.hookSystem.emitted('realtime:room:created')
  assert.deepEqual([roomType, createdBy], ['x', 1])
  assert.ok(Math.abs(timestamp - Date.now()) < 10_000)
  assert.match(correlationId, /^err_/)
})

test('removing a room ends it and sends its clients away; the next ones get a new one', async (t) => {
  const { core, server, rooms } = await setUp(t)
  const client = connect(t, server, { room: 'x/1' })
  await client.acknowledged
  await eventually(() => rooms.getRoom('x:1')?.clients.size === 1, 'the client is in')
  const room = rooms.getRoom('x:1')
  await rooms.removeRoom('x:1')
  assert.equal(room.ended, 1)
  assert.equal(rooms.getRoom('x:1'), null)
  const { code, reason } = await client.closed
  assert.deepEqual([code, reason], [1000, { code: 'ROOM_REMOVED' }])
  await connect(t, server, { room: 'x/1' }).acknowledged
  await eventually(() => rooms.getRoom('x:1')?.clients.size === 1, 'the next one is in')
  assert.notEqual(rooms.getRoom('x:1'), room)
  assert.equal(roomHooks(core)[1][2], 'removed')
  for (const id of ['x:none', 'records:none', 'nonsense', '']) await rooms.removeRoom(id)
})

test('a type without a factory: another that supports it, plain rooms for a handler, else none', async (t) => {
  const { server, rooms } = await setUp(t)
  assert.ok(rooms.getOrCreateRoom('y:1', 'y') instanceof Room)
  assert.throws(
    () => rooms.getOrCreateRoom('z:1', 'z'),
    (error) => error instanceof RoomNotFoundError && error.context.roomType === 'z',
  )
  server.registerRoomTypeHandler({ roomType: 'z' })
  const plain = rooms.getOrCreateRoom('z:1', 'z')
  const clients = [connect(t, server, { room: 'z/1' }), connect(t, server, { room: 'z/1', token: 'token-ben' })]
  const [{ clientId }] = await Promise.all(clients.map(({ acknowledged }) => acknowledged))
  await eventually(() => plain.getState().participants.length === 2, 'both are in')
  plain.broadcast({ type: 'hey' }, clientId)
  await clients[1].frame(({ type }) => type === 'hey')
  plain.broadcast({ type: 'all' })
  await clients[0].frame(({ type }) => type === 'all')
  assert.ok(!clients[0].frames.some(({ type }) => type === 'hey'))
  assert.equal(plain.getState().version, 2)
})

test('ids are checked and known by their aliases', async (t) => {
  const { rooms } = await setUp(t)
  rooms.registerRoomType('devices', factory)
  const room = rooms.getOrCreateRoom('devices:🏛', 'device')
  assert.equal(room.roomId, 'device:🏛')
  assert.equal(rooms.getRoom('device:🏛'), room)
  for (const id of [
    '',
    'x',
    ':1',
    'x:',
    'x:.',
    'x:..',
    'x:a/b',
    'x:a\\b',
    'x:\0',
    'x:\ud800',
    `x:${'a'.repeat(300)}`,
    7,
    null,
  ]) {
    assert.equal(rooms.getRoom(id), null, String(id))
    assert.throws(() => rooms.getOrCreateRoom(id, 'x'), { code: 'INVALID_ID' }, String(id))
  }
  assert.throws(() => rooms.getOrCreateRoom('x:1', 'y'), RoomNotFoundError)
  assert.throws(() => rooms.registerRoomType('a b', factory), { code: 'INVALID_ID' })
})

for (const [what, createRoom] of [
  [
    'throws',
    () => {
      throw new PermissionDeniedError('closed today')
    },
  ],
  ['makes nothing', () => undefined],
  ['makes half a room', () => ({ roomId: 'x:1', addClient() {} })],
  [
    'makes a room that takes nobody',
    (id, config) =>
      Object.assign(new Room(id, config), {
        addClient() {
          throw new Error('full')
        },
      }),
  ],
]) {
  test(`a factory that ${what} costs its client the connection, and nobody else`, async (t) => {
    const { core, server, rooms } = await setUp(t)
    rooms.registerRoomType('x', { createRoom, supportsRoomType: () => false })
    const client = connect(t, server, { room: 'x/1' })
    const { code, reason } = await client.closed
    assert.deepEqual([code, reason], [4500, { code: 'HOST_FAILED' }])
    assert.equal(client.frames.at(-1).error.code, 'HOST_FAILED')
    assert.ok(core.logger.messages('warn').some((message) => /room cannot be opened/.test(message)))
    await connect(t, server).acknowledged
    rooms.registerRoomType('x', factory)
    await connect(t, server, { room: 'x/2' }).acknowledged
  })
}

async function addLate(clientId, client) {
  this.clients.set(clientId, client)
  throw new Error('no')
}

for (const [what, methods] of [
  [
    'does not let go',
    {
      removeClient() {
        throw new Error('no')
      },
    },
  ],
  [
    'fails to end',
    {
      destroy() {
        throw new Error('no')
      },
    },
  ],
  ['rejects to end', { destroy: () => Promise.reject(new Error('no')) }],
  ['takes in a client and rejects then', { addClient: addLate }],
  ['lets go and rejects then', { removeClient: () => Promise.reject(new Error('no')) }],
]) {
  test(`a room that ${what} is gone all the same, with a line in the log`, async (t) => {
    const { core, server, rooms } = await setUp(t, { yaml: '  rooms:\n    grace_period_ms: 0\n' })
    rooms.registerRoomType('x', {
      createRoom: (id, config) => Object.assign(new Room(id, config), methods),
      supportsRoomType: () => false,
    })
    const client = connect(t, server, { room: 'x/1' })
    await client.acknowledged
    await eventually(() => rooms.getRoom('x:1')?.clients.size === 1, 'the client is in')
    client.socket.close()
    await eventually(() => rooms.getRoomCount() === 0, 'the room has ended')
    await eventually(
      () => core.logger.messages('warn').some((message) => /The room failed/.test(message)),
      'it is told',
    )
  })
}

test("a record's room is seen while the engine has it", async (t) => {
  const { server, rooms } = await setUp(t)
  assert.equal(rooms.getRoom('records:noise'), null)
  const { clientId } = await connect(t, server, { token: 'token-vic' }).acknowledged
  const room = rooms.getRoom('record:noise')
  assert.ok(room instanceof RecordRoom)
  assert.equal(rooms.getRoom('records:noise'), room)
  assert.equal(rooms.getOrCreateRoom('records:noise', 'records'), room)
  assert.deepEqual(rooms.getAllRooms(), [room])
  assert.deepEqual(rooms.getActiveRoomIds(), new Set(['records:noise']))
  const { roomId, roomType, participants, version } = room.getState()
  assert.deepEqual([roomId, roomType, version], ['records:noise', 'records', 0])
  const [{ id, userId, readOnly }] = participants
  assert.deepEqual([participants.length, id, userId, readOnly], [1, clientId, 3, true])
})

test("a record's room passes on notices and bytes, and is the engine's otherwise", async (t) => {
  const { server, rooms } = await setUp(t)
  const clients = [connect(t, server), connect(t, server, { token: 'token-ben' })]
  const [{ clientId }] = await Promise.all(clients.map(({ acknowledged }) => acknowledged))
  const room = rooms.getRoom('records:noise')
  room.broadcast({ type: 'control', event: 'notice', notice: { level: 'warning', message: 'Soon over' } })
  for (const client of clients) {
    assert.equal((await client.frame(({ event }) => event === 'notice')).notice.message, 'Soon over')
  }
  const binary = new Promise((resolve) =>
    clients[1].socket.on('message', (data, isBinary) => isBinary && resolve([...data])),
  )
  room.broadcast(Uint8Array.of(77, 1), clientId)
  assert.deepEqual(await binary, [77, 1])
  for (const call of [
    () => room.broadcast({ type: 'x' }),
    () => room.broadcast('x'),
    () => room.addClient('c', {}),
    () => room.removeClient(clientId),
    () => room.destroy(),
  ]) {
    assert.throws(call, (error) => error instanceof RealtimeError && error.code === 'UNSUPPORTED')
  }
  await assert.rejects(rooms.removeRoom('records:noise'), { code: 'UNSUPPORTED' })
})

test("a record's room that nobody has opened yet is an empty view, and becomes the room", async (t) => {
  const { server, rooms } = await setUp(t)
  const room = rooms.getOrCreateRoom('records:noise', 'records')
  assert.deepEqual(room.getState().participants, [])
  assert.equal(rooms.getRoom('records:noise'), room)
  await connect(t, server).acknowledged
  assert.equal(rooms.getRoom('records:noise'), room)
  assert.equal(room.getState().participants.length, 1)
  assert.equal(rooms.getRoomCount(), 1)
})

test('without a running server there are rooms of the host alone', async (t) => {
  const { server, rooms } = await setUp(t, { start: false })
  assert.deepEqual([rooms.getRoomCount(), rooms.getAllRooms()], [0, []])
  const room = rooms.getOrCreateRoom('x:1', 'x')
  assert.equal(rooms.getRoom('x:1'), room)
  await server.initialize()
  assert.equal(rooms.getRoom('x:1'), room)
  await server.shutdown()
  assert.deepEqual([rooms.getRoomCount(), room.ended], [0, 1])
})

test("a manager of the host's own takes over for rooms to come", async (t) => {
  const { core, server, rooms } = await setUp(t, { yaml: '  rooms:\n    grace_period_ms: 0\n' })
  const other = new RoomManager(core.logger, server)
  other.registerRoomType('x', factory)
  server.setRoomManager(other)
  assert.equal(server.getRoomManager(), other)
  const client = connect(t, server, { room: 'x/1' })
  await client.acknowledged
  await eventually(() => other.getRoom('x:1')?.clients.size === 1, 'the client is in')
  assert.equal(rooms.getRoom('x:1'), null)
  client.socket.close()
  await eventually(() => other.getRoomCount() === 0, 'its grace period is the configured one')
})

test('whoever is in a room when the manager is replaced leaves the room that they are in', async (t) => {
  const { core, server, rooms } = await setUp(t, { yaml: '  rooms:\n    grace_period_ms: 0\n' })
  const client = connect(t, server, { room: 'x/1' })
  await client.acknowledged
  await eventually(() => rooms.getRoom('x:1')?.clients.size === 1, 'the client is in')
  const room = rooms.getRoom('x:1')
  server.setRoomManager(new RoomManager(core.logger, server))
  client.socket.close()
  await eventually(() => room.ended === 1, 'the room has ended')
  assert.equal(rooms.getRoomCount(), 0)
})
