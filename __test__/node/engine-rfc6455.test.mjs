/** RFC 6455, clause by clause, over a bare socket: what a server must take, and what it must refuse and how. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startEngine } from '../support/engine.mjs'
import { openEditor } from '../support/editor.mjs'
import { connectTcp, wireFrame } from '../support/raw-client.mjs'

const FRAME_BYTES_MAX = 128 * 1024

const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10

/** Text that is answered; `x` is ignored. */
const ask = (x) => Buffer.from(JSON.stringify({ type: 'ping', x }))

/** A header whose length is written in so many bytes, needed or not, and no payload. */
function header(opcode, lengthBytes, length) {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(length))
  const short = lengthBytes === 2 ? 126 : 127
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | short]), size.subarray(8 - lengthBytes), Buffer.alloc(4)])
}

const closeBody = (code, reason = '') => Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])

/** One engine for all clauses, with somebody in a room who must not notice anything. */
async function setUp(t) {
  const engine = await startEngine(t, {
    config: {
      limits: { frame_bytes_max: FRAME_BYTES_MAX },
      rate_limiting: { connections_per_ip: 1_000, connections_per_user: 1_000, messages_per_second: 1_000 },
    },
  })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const join = async () => {
    const client = await connectTcp(t, engine)
    await client.joined()
    return client
  }
  const assertUnharmed = async () => {
    const ann = await openEditor(t, engine)
    ann.write('We go on.')
    await bob.sees('We go on.')
    assert.deepEqual(bob.closes.entries, [])
  }
  return { engine, join, assertUnharmed }
}

const isAnswer = ({ opcode, payload }) => opcode === TEXT && JSON.parse(payload).type === 'pong'

/** The client is still understood. */
async function assertHeard(client, what) {
  const before = client.frames.all(isAnswer).length
  client.send(TEXT, ask())
  await client.frames.atLeast(before + 1, isAnswer, `an answer after ${what}`)
}

test('5.4, 5.5: messages in fragments, and control frames between them', async (t) => {
  const { join, assertUnharmed } = await setUp(t)
  const client = await join()
  const text = ask('grün 🏛')
  // Each byte alone: no character comes whole.
  text.forEach((byte, at) => {
    const last = at === text.length - 1
    client.send(at === 0 ? TEXT : CONTINUATION, Buffer.from([byte]), { fin: last })
    if (!last) client.send(PING, `${at}`)
  })
  await client.frames.first(isAnswer, 'an answer')
  const pongs = await client.frames.atLeast(text.length - 1, ({ opcode }) => opcode === PONG, 'pongs')
  assert.deepEqual(
    pongs.map(({ payload }) => Number(String(payload))),
    pongs.map((_, at) => at),
  )
  client.send(TEXT, '', { fin: false })
  client.send(CONTINUATION, '', { fin: false })
  client.send(CONTINUATION, ask(), { fin: false })
  client.send(CONTINUATION, '')
  await client.frames.atLeast(2, isAnswer, 'an answer to a message with empty fragments')
  await assertUnharmed()
})

test('5.2: lengths of every form, whole and byte by byte', async (t) => {
  const { join, assertUnharmed } = await setUp(t)
  const client = await join()
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, FRAME_BYTES_MAX]) {
    // A message of an unknown type is ignored.
    client.send(BINARY, Buffer.alloc(length, 99))
    await assertHeard(client, `${length} bytes`)
  }
  for (const byte of wireFrame(TEXT, ask('x'.repeat(200)))) client.socket.write(Buffer.from([byte]))
  await client.frames.atLeast(9, isAnswer, 'an answer to what came byte by byte')
  // Several frames in one segment, the last one cut.
  const frames = Buffer.concat([wireFrame(TEXT, ask(1)), wireFrame(TEXT, ask(2)), wireFrame(TEXT, ask(3))])
  client.socket.write(frames.subarray(0, -4))
  await client.frames.atLeast(11, isAnswer, 'answers to the two that are whole')
  client.socket.write(frames.subarray(-4))
  await client.frames.atLeast(12, isAnswer, 'an answer to the third')
  await assertUnharmed()
})

test('5.5.2, 5.5.3: a ping is answered with its payload, a pong with nothing', async (t) => {
  const { join } = await setUp(t)
  const client = await join()
  for (const payload of [Buffer.alloc(0), Buffer.from('x'), Buffer.from([0xff, 0xfe, 0]), Buffer.alloc(125, 7)]) {
    client.send(PING, payload)
    const pong = await client.frames.next(({ opcode }) => opcode === PONG, 'a pong')
    assert.deepEqual(pong.payload, payload)
  }
  const before = client.frames.entries.length
  client.send(PONG, 'nobody asked')
  await assertHeard(client, 'a pong')
  assert.equal(client.frames.entries.length, before + 1)
})

test('5.1, 5.2: what the server sends is not masked, whole, and uses no reserved bit', async (t) => {
  const { join } = await setUp(t)
  const client = await join()
  client.send(PING, 'x')
  client.send(TEXT, ask())
  client.send(CLOSE, closeBody(1000))
  await client.ended
  assert.deepEqual([...new Set(client.frames.entries.map(({ opcode }) => opcode))].sort(), [1, 10, 2, 8])
  for (const { opcode, fin, rsv, masked } of client.frames.entries) {
    assert.deepEqual({ fin, rsv, masked }, { fin: true, rsv: 0, masked: false }, `opcode ${opcode}`)
  }
})

const refused = {
  ...Object.fromEntries([1, 2, 4].map((rsv) => [`5.2: reserved bits ${rsv}`, [1002, wireFrame(BINARY, 'x', { rsv })]])),
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`5.2: opcode ${opcode}`, [1002, wireFrame(opcode, 'x')]]),
  ),
  '5.1: a frame that is not masked': [1002, wireFrame(BINARY, 'x', { masked: false })],
  '5.1: an empty frame that is not masked': [1002, wireFrame(PING, '', { masked: false })],
  '5.2: 125 in two bytes': [1002, header(BINARY, 2, 125)],
  '5.2: 65535 in eight bytes': [1002, header(BINARY, 8, 65_535)],
  '5.2: a length with its highest bit set': [1002, header(BINARY, 8, 2n ** 63n)],
  '7.4.1: a length beyond all memory': [1009, header(BINARY, 8, 2n ** 63n - 1n)],
  '7.4.1: a length over the limit': [1009, header(BINARY, 8, FRAME_BYTES_MAX + 1)],
  '7.4.1: a message in endless empty fragments': [
    1009,
    Buffer.concat([wireFrame(BINARY, '', { fin: false }), ...Array(5_000).fill(wireFrame(CONTINUATION, '', { fin: false }))]),
  ],
  '5.5: a ping of 126 bytes': [1002, header(PING, 2, 126)],
  '5.5: a close of 126 bytes': [1002, header(CLOSE, 2, 126)],
  ...Object.fromEntries(
    [CLOSE, PING, PONG].map((opcode) => [`5.5: opcode ${opcode} in fragments`, [1002, wireFrame(opcode, '', { fin: false })]]),
  ),
  '5.4: a continuation of nothing': [1002, wireFrame(CONTINUATION, 'x')],
  '5.4: a continuation after the last': [1002, Buffer.concat([wireFrame(TEXT, ask()), wireFrame(CONTINUATION, 'x')])],
  ...Object.fromEntries(
    [TEXT, BINARY].map((opcode) => [
      `5.4: opcode ${opcode} within a message`,
      [1002, Buffer.concat([wireFrame(TEXT, 'x', { fin: false }), wireFrame(opcode, 'x')])],
    ]),
  ),
  ...Object.fromEntries(
    [[0xc3, 0x28], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff], [0x80]].map((bytes) => [
      `8.1: text of the bytes ${Buffer.from(bytes).toString('hex')}`,
      [1007, wireFrame(TEXT, Buffer.from(bytes))],
    ]),
  ),
  '8.1: text that is not UTF-8 in its second fragment': [
    1007,
    Buffer.concat([wireFrame(TEXT, Buffer.from([0xc3]), { fin: false }), wireFrame(CONTINUATION, '(')]),
  ],
  '5.5.1: a close of one byte': [1002, wireFrame(CLOSE, 'x')],
  '5.5.1: a reason that is not UTF-8': [1007, wireFrame(CLOSE, Buffer.concat([closeBody(1000), Buffer.from([0xc3, 0x28])]))],
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => [
      `7.4: the close code ${code}`,
      [1002, wireFrame(CLOSE, closeBody(code))],
    ]),
  ),
}

test('what the rules forbid is refused with the code for it, and costs nobody else anything', async (t) => {
  const { join, assertUnharmed } = await setUp(t)
  for (const [what, [code, bytes]] of Object.entries(refused)) {
    const client = await join()
    client.socket.write(bytes)
    assert.equal((await client.closed()).code, code, what)
    await client.ended
  }
  await assertUnharmed()
})

test('5.5.1, 7.4: a close is answered with its code, and the server hangs up', async (t) => {
  const { join } = await setUp(t)
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    const client = await join()
    client.send(CLOSE, closeBody(code, 'tschüß'))
    assert.equal((await client.closed()).code, code)
    await client.ended
  }
  const client = await join()
  // What comes after a close frame does not count.
  client.socket.write(Buffer.concat([wireFrame(CLOSE, ''), wireFrame(TEXT, ask())]))
  assert.equal((await client.closed()).code, 1005)
  await client.ended
  assert.deepEqual(client.frames.all(isAnswer), [])
})

test('9.1: no extension is agreed on, compression neither', async (t) => {
  const { engine } = await setUp(t)
  const lines = ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame']
  const client = await connectTcp(t, engine, { lines })
  assert.match(client.answer, /^HTTP\/1\.1 101 /)
  assert.doesNotMatch(client.answer, /extensions/i)
  await client.joined()
  await assertHeard(client, 'an offer to compress')
  client.socket.write(wireFrame(TEXT, 'compressed', { rsv: 4 }))
  assert.equal((await client.closed()).code, 1002)
})
