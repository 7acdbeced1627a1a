/** How a client comes to speak JSON, and what it is told first. */

import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'

import { connect, join, JSON_PROTOCOL, textIn, updateOf, base64 } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('by subprotocol: an acknowledgement, then the whole room', async (t) => {
  const live = await startEngine(t)
  const { client, ack, room } = await join(t, live)
  assert.equal(client.socket.protocol, JSON_PROTOCOL)
  assert.match(ack.clientId, /^client_[0-9a-f]{16}$/)
  assert.deepEqual([ack.roomId, ack.readOnly, ack.user], ['records:noise', false, { id: 1, name: 'Ann' }])
  assert.equal(room.id, 'records:noise')
  assert.equal(room.participants.length, 1)
  const [{ color, ...person }] = room.participants
  assert.deepEqual(person, { id: 1, name: 'Ann' })
  assert.match(color, /^#[0-9a-f]{6}$/)
  assert.equal(typeof room.version, 'number')
  assert.equal(textIn(room.yjsState), '')
  await client.settle()
  assert.ok(!client.frames.all.some(Buffer.isBuffer), 'nothing binary')
})

test('beside the subprotocol that carries the token', async (t) => {
  const live = await startEngine(t)
  for (const protocols of [
    ['auth.token-ann', JSON_PROTOCOL],
    [JSON_PROTOCOL, 'auth.token-ann'],
  ]) {
    const { client } = await join(t, live, { token: null, protocols })
    assert.equal(client.socket.protocol, 'auth.token-ann')
    await client.settle()
    assert.ok(!client.frames.all.some(Buffer.isBuffer), 'nothing binary')
  }
})

for (const [how, options] of Object.entries({
  'the header': {},
  'the subprotocol': { token: null, protocols: ['auth.token-ann'] },
  'the subprotocol, and no text asked for': { token: null, protocols: ['auth.token-ann'], query: '?control=none' },
})) {
  test(`by a first frame, with the token in ${how}`, async (t) => {
    const live = await startEngine(t)
    const client = connect(t, live, options)
    client.socket.once('open', () => client.send({ type: 'hello', protocol: JSON_PROTOCOL }))
    await client.control('connection.ack')
    const { room } = await client.control('room_state')
    assert.equal(room.id, 'records:noise')
    const { client: other } = await join(t, live, { token: 'token-ben' })
    other.send({ type: 'sync', update: base64(updateOf('from Ben')) })
    const sync = await client.next((frame) => frame.type === 'sync')
    assert.equal(textIn(sync.update), 'from Ben')
    // From now on it is told everything in text, the end of its session as well.
    live.engine.revoke(1, 'left the office')
    assert.equal((await client.control('session.revoked')).reason, 'left the office')
    assert.equal((await client.closed).code, 4001)
    const acks = client.frames.all.filter((frame) => frame.event === 'connection.ack')
    assert.equal(acks.length, 1)
  })
}

test('a first frame that is there before the host has answered spares the binary ones', async (t) => {
  const live = await startEngine(t)
  const { hostname, port } = new URL(live.url)
  const socket = net.connect(port, hostname)
  t.after(() => socket.destroy())
  // In one piece, so that the frame is there as soon as the upgrade is done.
  const request = [
    'GET /realtime/records/noise HTTP/1.1',
    `Host: ${hostname}:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: auth.token-ann',
    '\r\n',
  ].join('\r\n')
  const hello = Buffer.from(JSON.stringify({ type: 'hello', protocol: JSON_PROTOCOL }))
  // A masked text frame, its mask all zeros.
  const frame = Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0, ...hello])
  socket.write(Buffer.concat([Buffer.from(request), frame]))
  let received = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk])
    if (received.includes('room_state')) break
  }
  const frames = received.subarray(received.indexOf('\r\n\r\n') + 4)
  assert.equal(frames[0], 0x81, 'text')
  const ackLength = frames.readUInt16BE(2)
  const second = frames.subarray(4 + ackLength)
  assert.match(String(frames.subarray(4, 4 + ackLength)), /connection\.ack/)
  assert.equal(second[0], 0x81, 'text')
  assert.match(String(second), /room_state/)
})

test('a protocol that is not spoken is told so, and nothing changes', async (t) => {
  const live = await startEngine(t)
  const client = connect(t, live)
  await client.control('connection.ack')
  client.send({ type: 'hello', protocol: 'civicpress.json.v2' })
  const { error } = await client.control('error')
  assert.equal(error.code, 'INVALID_MESSAGE')
  assert.match(error.message, /civicpress\.json\.v2.*civicpress\.json\.v1/)
})

test('who comes later gets what was written, and who is here', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  ann.send({ type: 'sync', update: base64(updateOf('hello')) })
  await ann.settle()
  const { room } = await join(t, live, { token: 'token-ben' })
  assert.equal(textIn(room.yjsState), 'hello')
  assert.deepEqual(room.participants.map(({ name }) => name), ['Ann', 'Ben'])
})
