/** Connections as hosts see them: a live map of objects with the members of a WebSocket. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { RealtimeConnection } from '@civicpress/realtime'

import { connect, edit, eventually } from '../support/clients.mjs'
import { createServer, EchoHandler } from '../support/servers.mjs'

async function setUp(t) {
  const { server } = await createServer(t)
  server.registerRoomTypeHandler(new EchoHandler())
  const client = connect(t, server, { room: 'echo/1' })
  const { clientId } = await client.acknowledged
  return { server, client, clientId, connection: server.getConnection(clientId) }
}

test('there is one map, and one object for each connection', async (t) => {
  const { server, clientId, connection } = await setUp(t)
  const { connections } = server
  assert.equal(server.getConnections(), connections)
  assert.ok(connections instanceof Map && connection instanceof RealtimeConnection)
  const record = await connect(t, server, { token: 'token-vic' }).acknowledged
  assert.equal(connections.size, 2)
  assert.equal(connections.get(clientId), connection)
  assert.equal(connections.get(record.clientId), connections.get(record.clientId))
  const expected = new Map([...connections])
  assert.deepEqual(new Set(connections.keys()), new Set([clientId, record.clientId]))
  assert.deepEqual(new Set(connections.values()), new Set(expected.values()))
  assert.deepEqual(new Map(connections.entries()), expected)
  const visited = new Map()
  connections.forEach((value, key, map) => visited.set(key, [value, map === connections]))
  assert.deepEqual(visited.get(clientId), [connection, true])
  const { roomId, userId, clientIp, readOnly } = connections.get(record.clientId)
  assert.deepEqual([roomId, userId, clientIp, readOnly], ['records:noise', 3, '127.0.0.1', true])
  assert.equal(server.getConnection('nobody'), undefined)
})

test('the map is for looking at', async (t) => {
  const { server, clientId, connection } = await setUp(t)
  for (const change of [
    () => server.connections.set('x', connection),
    () => server.connections.delete(clientId),
    () => server.connections.clear(),
  ]) {
    assert.throws(change, TypeError)
  }
  assert.equal(server.connections.size, 1)
})

test('text and bytes are sent, anything else is refused', async (t) => {
  const { client, connection } = await setUp(t)
  assert.equal(connection.readyState, 1)
  const received = []
  client.socket.on('message', (data, isBinary) => received.push(isBinary ? [...data] : String(data)))
  assert.equal(connection.send('{"type":"a"}'), true)
  assert.equal(connection.send(Uint8Array.of(1, 2)), true)
  assert.equal(connection.send(Buffer.from([3])), true)
  await eventually(() => received.length === 3, 'all are there')
  assert.deepEqual(received, ['{"type":"a"}', [1, 2], [3]])
  for (const data of [undefined, null, 7, {}, [1], new ArrayBuffer(1)]) {
    assert.throws(() => connection.send(data), TypeError)
  }
})

test('a connection is closed with a code and a reason', async (t) => {
  const { client, connection } = await setUp(t)
  connection.close(4123, 'enough')
  connection.close(4999, 'too late')
  assert.deepEqual(await client.closed, { code: 4123, reason: 'enough' })
  await eventually(() => connection.readyState === connection.CLOSED, 'it is closed')
  assert.equal(connection.send('x'), false)
  connection.close()
})

test('by default with 1000', async (t) => {
  const { client, connection } = await setUp(t)
  connection.close()
  assert.equal((await client.closed).code, 1000)
})

test('a reason that is too long is cut between characters, a code that cannot be sent is refused', async (t) => {
  const { client, connection } = await setUp(t)
  for (const code of [0, 999, 1005, 1006, 1015, 2999, 5000]) {
    assert.throws(
      () => connection.close(code),
      (error) => error.code === 'INVALID_MESSAGE',
      String(code),
    )
  }
  assert.equal(connection.readyState, 1)
  connection.close(4000, `x${'é'.repeat(100)}`)
  assert.equal((await client.closed).reason, `x${'é'.repeat(61)}`)
})

test('one that its peer lets hang is closing, not open', async (t) => {
  const { client, connection } = await setUp(t)
  client.socket.pause()
  connection.close(4000)
  assert.equal(connection.readyState, connection.CLOSING)
  assert.equal(connection.send('x'), false)
})

test("an editor's connection is there, too, and gone with it", async (t) => {
  const { server } = await createServer(t)
  const { provider } = await edit(t, server)
  const [connection] = server.connections.values()
  assert.deepEqual([connection.roomId, connection.readyState, connection.readOnly], ['records:noise', 1, false])
  const closed = once(provider.ws, 'close')
  provider.disconnect()
  await closed
  await eventually(() => server.connections.size === 0, 'it is gone')
  assert.equal(connection.readyState, 3)
})

test('connections are counted by address and by user', async (t) => {
  const { server } = await createServer(t)
  const answers = await Promise.all(
    ['token-ann', 'token-ann', 'token-ben'].map((token) => connect(t, server, { token }).acknowledged),
  )
  const [ann, again, ben] = answers.map(({ clientId }) => clientId)
  assert.deepEqual(server.getConnectionCounts(), new Map([['127.0.0.1', 3]]))
  const users = server.getUserConnections()
  assert.deepEqual([users.size, users.get('1'), users.get('2')], [2, new Set([ann, again]), new Set([ben])])
})

test('without a running server there are none', async (t) => {
  const { server } = await createServer(t, { start: false })
  const assertNone = () => {
    assert.equal(server.connections.size, 0)
    assert.deepEqual([...server.connections], [])
    assert.equal(server.getConnection('client_0'), undefined)
    assert.deepEqual([server.getConnectionCounts().size, server.getUserConnections().size], [0, 0])
    assert.equal(server.clientToDevice.size, 0)
  }
  assertNone()
  await server.initialize()
  await connect(t, server).acknowledged
  const [connection] = server.connections.values()
  await server.shutdown()
  assertNone()
  assert.deepEqual([connection.readyState, connection.send('x')], [3, false])
  connection.close()
})
