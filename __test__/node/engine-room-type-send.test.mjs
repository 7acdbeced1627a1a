/** What a room type does with its clients: send, broadcast, close, look. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect } from '../support/json-client.mjs'
import { hook } from '../support/live-engine.mjs'
import { withType } from '../support/recording-type.mjs'

/** Once the host is told that a client is gone, it is. */
const gone = (live, clientId) => hook(live, 'realtime:client:disconnected', { clientId })

test('send, to one', async (t) => {
  const { live, enter } = await withType(t)
  const { client, clientId } = await enter()
  assert.equal(live.engine.send(clientId, '{"light":"on"}'), true)
  assert.deepEqual(await client.next((frame) => frame.light), { light: 'on' })
  assert.equal(live.engine.send(clientId, new Uint8Array([1, 0, 255])), true)
  assert.deepEqual([...(await client.next(Buffer.isBuffer))], [1, 0, 255])
  await client.close()
  await gone(live, clientId)
  for (const id of [clientId, 'client_0000000000000000', 'nobody', '']) assert.equal(live.engine.send(id, 'x'), false)
})

test('what is sent is what the bytes were, whatever becomes of them', async (t) => {
  const { live, enter } = await withType(t)
  const { client, clientId } = await enter()
  const bytes = new Uint8Array(100_000).fill(7)
  live.engine.send(clientId, bytes)
  live.engine.broadcast('desk:1', bytes)
  bytes.fill(0)
  const received = await client.frames.count(2, Buffer.isBuffer)
  for (const frame of received) assert.ok(frame.every((byte) => byte === 7))
})

test('send from within the callbacks', async (t) => {
  const { live, enter } = await withType(t, {
    joined: (clientId) => live.engine.send(clientId, '{"hello":1}'),
    message: (clientId, data) => live.engine.send(clientId, data),
  })
  const { client } = await enter()
  await client.next((frame) => frame.hello)
  client.send('{"echo":2}')
  await client.next((frame) => frame.echo === 2)
})

test('broadcast, to all but one', async (t) => {
  const { live, enter } = await withType(t)
  const [ann, ben] = [await enter(), await enter({ token: 'token-ben' })]
  const elsewhere = await enter({ room: 'desk/2' })
  assert.equal(live.engine.broadcast('desk:1', '{"n":1}'), 2)
  assert.equal(live.engine.broadcast('desk:1', Buffer.from([7]), ann.clientId), 1)
  await ann.client.next((frame) => frame.n === 1)
  assert.deepEqual(await ann.client.settle(), [])
  assert.deepEqual([...(await ben.client.next(Buffer.isBuffer))], [7])
  assert.deepEqual(await elsewhere.client.settle(), [])
  assert.equal(live.engine.broadcast('desk:nobody', 'x'), 0)
  assert.throws(() => live.engine.broadcast('desk', 'x'), { code: 'INVALID_ID' })
  assert.throws(() => live.engine.broadcast('desk:a/../b', 'x'), { code: 'INVALID_ID' })
})

test('close, with what waits before it', async (t) => {
  const { live, type, enter } = await withType(t)
  const { client, clientId } = await enter()
  live.engine.send(clientId, '{"last":1}')
  assert.equal(live.engine.close(clientId, 4321, 'moved'), true)
  assert.equal(live.engine.send(clientId, 'after'), false)
  await client.next((frame) => frame.last)
  assert.deepEqual(await client.closed, { code: 4321, reason: 'moved' })
  await type.told.first(([name]) => name === 'left')
  await gone(live, clientId)
  assert.equal(live.engine.close(clientId), false)
  assert.equal(live.engine.close('nobody'), false)
  const second = await enter()
  assert.equal(live.engine.close(second.clientId), true)
  assert.deepEqual(await second.client.closed, { code: 1000, reason: '' })
})

test('close codes that may not be sent', async (t) => {
  const { live, enter } = await withType(t)
  const { client, clientId } = await enter()
  for (const code of [0, 1, 999, 1002.5, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535, 65_536 + 1000, 1e9, -1, NaN]) {
    assert.throws(() => live.engine.close(clientId, code), { code: 'INVALID_MESSAGE' }, String(code))
  }
  await client.settle()
  assert.equal(live.engine.close(clientId, 3000, 'é'.repeat(500)), true)
  assert.deepEqual(await client.closed, { code: 3000, reason: 'é'.repeat(61) })
})

test('too much waits', async (t) => {
  const limits = { frame_bytes_max: 1 << 16, waiting_bytes_per_client_max: 1 << 16 }
  const { live, enter } = await withType(t, {}, { config: { limits } })
  const { client, clientId } = await enter()
  const other = await enter({ token: 'token-ben' })
  client.socket.pause()
  const page = Buffer.alloc(50_000)
  let sent = 0
  // The system's buffers take some; each turn of the loop lets the writer fill them.
  while (live.engine.send(clientId, page)) {
    sent++
    assert.ok(sent < 10_000)
    await new Promise(setImmediate)
  }
  assert.equal(live.engine.broadcast('desk:1', '{"n":1}'), 2, 'what fits still goes')
  await other.client.next((frame) => frame.n === 1)
  client.socket.resume()
  await client.frames.count(sent, Buffer.isBuffer)
  await client.next((frame) => frame.n === 1)
  assert.equal(live.engine.send(clientId, page), true)
})

test('who is connected', async (t) => {
  const { live, enter } = await withType(t)
  const ann = await enter()
  const ben = await enter({ room: 'desk/2', token: 'token-ben' })
  const record = connect(t, live, { token: 'token-vic' })
  const { clientId } = await record.control('connection.ack')
  const byId = Object.fromEntries(live.engine.connections().map((connection) => [connection.clientId, connection]))
  const common = { clientIp: '127.0.0.1', readsText: true, open: true }
  assert.deepEqual(byId, {
    [ann.clientId]: { clientId: ann.clientId, roomId: 'desk:1', userId: 1, readOnly: false, ...common },
    [ben.clientId]: { clientId: ben.clientId, roomId: 'desk:2', userId: 2, readOnly: false, ...common },
    [clientId]: { clientId, roomId: 'records:noise', userId: 3, readOnly: true, ...common },
  })
  assert.deepEqual(live.engine.connection(clientId), byId[clientId])
  live.engine.close(ann.clientId)
  const closing = live.engine.connection(ann.clientId)
  assert.ok(closing === null || closing.open === false)
  await ann.client.closed
  await gone(live, ann.clientId)
  assert.equal(live.engine.connection(ann.clientId), null)
  assert.equal(live.engine.health().connections, 2)
})
