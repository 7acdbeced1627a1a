/** Who breaks the rules of WebSocket, or sends far too much, is closed with the code for it; nobody else is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startEngine } from '../support/engine.mjs'
import { openEditor } from '../support/editor.mjs'
import { connectRaw, connectTcp, frame, wireFrame } from '../support/raw-client.mjs'

const FRAME_BYTES_MAX = 4096
const BINARY = 2
const TEXT = 1
const PING = 9
const PONG = 10

/** An engine with somebody in a room who must not notice anything. */
async function setUp(t, config) {
  const engine = await startEngine(t, { config })
  const bystander = await openEditor(t, engine, { token: 'token-bob' })
  const assertUnharmed = async () => {
    const ann = await openEditor(t, engine)
    ann.write('We go on.')
    await bystander.sees('We go on.')
    assert.deepEqual(bystander.closes.entries, [])
    ann.leave()
  }
  return { engine, assertUnharmed }
}

const offences = {
  'a reserved opcode': [1002, [3, 'x']],
  'a reserved control opcode': [1002, [11, '']],
  'an unmasked frame': [1002, [BINARY, 'x', { masked: false }]],
  'a reserved bit': [1002, [BINARY, 'x', { rsv: 4 }]],
  'a fragmented ping': [1002, [PING, 'x', { fin: false }]],
  'a ping that is too long': [1002, [PING, 'x'.repeat(126)]],
  'a continuation of nothing': [1002, [0, 'x']],
  'text that is not UTF-8': [1007, [TEXT, Buffer.from([0xc3, 0x28])]],
  'a close code that must not be sent': [1002, [8, Buffer.from([0x03, 0xed])]],
  'a frame over the limit': [1009, [BINARY, Buffer.alloc(FRAME_BYTES_MAX + 1)]],
  'a header that promises 11 MiB': [1009, [BINARY, '', { length: 11 * 1024 * 1024 }]],
  'a header that promises more than there is memory': [1009, [BINARY, '', { length: Number.MAX_SAFE_INTEGER }]],
}

test('each offence has its code, in the room and before it', async (t) => {
  const { engine, assertUnharmed } = await setUp(t, { limits: { frame_bytes_max: FRAME_BYTES_MAX } })
  for (const [offence, [code, sent]] of Object.entries(offences)) {
    const inside = await connectTcp(t, engine)
    await inside.joined()
    inside.send(...sent)
    assert.equal((await inside.closed()).code, code, `${offence}, in the room`)
    // The server ends the connection, although this peer answers nothing.
    await inside.ended
  }
  await assertUnharmed()

  let open
  const gate = new Promise((resolve) => (open = resolve))
  engine.host.authorize = async () => {
    await gate
    return { user: { id: 1 }, canEdit: true }
  }
  for (const [offence, [code, sent]] of Object.entries(offences)) {
    const outside = await connectTcp(t, engine)
    outside.send(...sent)
    assert.equal((await outside.closed()).code, code, `${offence}, before anybody said who it is`)
  }
  open()
  await assertUnharmed()
})

test('1009 for a message that grows over the limit by fragments', async (t) => {
  const { engine, assertUnharmed } = await setUp(t, { limits: { frame_bytes_max: FRAME_BYTES_MAX } })
  const client = await connectTcp(t, engine)
  await client.joined()
  client.send(BINARY, Buffer.alloc(FRAME_BYTES_MAX - 10), { fin: false })
  client.send(0, Buffer.alloc(9), { fin: false })
  client.send(0, Buffer.alloc(9), { fin: true })
  assert.equal((await client.closed()).code, 1009)
  await assertUnharmed()
})

test('a message of exactly the limit, and one in fragments with a ping between them, are taken', async (t) => {
  const { engine, assertUnharmed } = await setUp(t, { limits: { frame_bytes_max: FRAME_BYTES_MAX } })
  const client = await connectTcp(t, engine)
  await client.joined()
  // A message of an unknown type is ignored, never fatal.
  client.send(BINARY, Buffer.alloc(FRAME_BYTES_MAX, 99))
  const query = frame.queryAwareness()
  client.send(BINARY, '', { fin: false })
  client.send(PING, 'still here')
  client.send(0, query)
  const pong = await client.frames.first(({ opcode }) => opcode === 10, 'a pong')
  assert.equal(String(pong.payload), 'still here')
  client.send(TEXT, '{"type":"ping"}')
  await client.frames.first(({ opcode, payload }) => opcode === TEXT && /"pong"/.test(payload), 'an answer')
  await assertUnharmed()
})

test('1008 for who goes far beyond the message limit, in frames or in bytes', async (t) => {
  const { engine, assertUnharmed } = await setUp(t, {
    limits: { frame_bytes_max: FRAME_BYTES_MAX },
    rate_limiting: { frames_per_second_max: 200, bytes_per_second_max: 100_000 },
  })
  for (const [what, opcode, payload, count] of [
    ['presence', BINARY, Buffer.from(frame.awareness({ client: 1, clock: 1, state: {} })), 400],
    ['what cannot be decoded', BINARY, Buffer.from([0, 2, 200, 1]), 400],
    ['messages of no known type', BINARY, Buffer.from([99]), 400],
    ['text that is no message', TEXT, Buffer.from('['), 400],
    ['text pings', TEXT, Buffer.from('{"type":"ping"}'), 400],
    ['pings', PING, Buffer.from('x'), 400],
    ['pongs', PONG, Buffer.alloc(0), 400],
    ['bytes', BINARY, Buffer.alloc(FRAME_BYTES_MAX, 99), 60],
  ]) {
    const client = await connectTcp(t, engine)
    await client.joined()
    const flood = wireFrame(opcode, payload)
    client.socket.write(Buffer.concat(Array(count).fill(flood)))
    const { code, reason } = await client.closed()
    assert.deepEqual([code, reason.code], [1008, 'RATE_LIMIT_EXCEEDED'], what)
  }
  await assertUnharmed()
})

test('a client that goes without a word, at any moment, leaves nothing behind', async (t) => {
  const { engine, assertUnharmed } = await setUp(t)
  const early = await connectTcp(t, engine)
  early.socket.destroy()
  const half = await connectTcp(t, engine)
  await half.joined()
  half.socket.write(wireFrame(BINARY, 'half a frame').subarray(0, 5))
  half.socket.destroy()
  const aborted = connectRaw(t, engine)
  await aborted.acknowledged()
  aborted.socket.terminate()
  await engine.host.hooks.atLeast(2, ({ name }) => name === 'realtime:client:disconnected', 'disconnected')
  await assertUnharmed()
})
