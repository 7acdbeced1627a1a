/** permessage-deflate (RFC 7692): for clients that offer it, where it is configured; bounded, and never in the way. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisify } from 'node:util'
import zlib from 'node:zlib'

import WebSocket from 'ws'

import { openEditor } from '../support/editor.mjs'
import { never, startEngine } from '../support/engine.mjs'
import { connectTcp } from '../support/raw-client.mjs'

const [CONTINUATION, TEXT, PING] = [0, 1, 9]
/** The bit that marks a compressed message. */
const COMPRESSED = { rsv: 4 }
const OFFER = ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']

const deflateRaw = promisify(zlib.deflateRaw)

/** As RFC 7692 section 7.2.1 has it: flushed, without the end that all flushes have. */
async function deflated(data) {
  return (await deflateRaw(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH })).subarray(0, -4)
}

const ping = (id) => JSON.stringify({ type: 'ping', id })
const isAnswer = ({ opcode, payload }) => opcode === TEXT && JSON.parse(payload).type === 'pong'

class PlainWebSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false })
  }
}

const start = (t, config = {}) => startEngine(t, { config: { compression: true, ...config } })

const bytesRead = ({ provider }) => provider.ws._socket.bytesRead

test('it is agreed on only where it is configured and offered', async (t) => {
  const [on, off] = [await start(t), await startEngine(t)]
  const agreed = /sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover/i
  assert.match((await connectTcp(t, on, { lines: OFFER })).answer, agreed)
  for (const client of [await connectTcp(t, on), await connectTcp(t, off, { lines: OFFER })]) {
    assert.doesNotMatch(client.answer, /extensions/i)
    await client.joined()
    client.send(TEXT, await deflated(ping()), COMPRESSED)
    assert.equal((await client.closed()).code, 1002)
  }
})

test('stock clients with and without it have the same document, and it saves bytes', async (t) => {
  const engine = await start(t)
  const [ann, bob] = [await openEditor(t, engine), await openEditor(t, engine, { token: 'token-bob' })]
  const plain = await openEditor(t, engine, { token: 'token-eve', WebSocketPolyfill: PlainWebSocket })
  assert.deepEqual([ann, plain].map(({ provider }) => provider.ws.extensions !== ''), [true, false])
  const before = [bob, plain].map(bytesRead)
  const long = 'Between ten at night and seven in the morning. '.repeat(4_000)
  ann.write(long)
  await Promise.all([bob.sees(long), plain.sees(long)])
  plain.write('Short.')
  await Promise.all([ann.sees(long, 'Short.'), bob.sees(long, 'Short.')])
  const [few, many] = [bob, plain].map((editor, index) => bytesRead(editor) - before[index])
  assert.ok(many > long.length && few < long.length / 10, `${few} bytes, and ${many} without`)
  // Whoever comes later is given all of it.
  const late = await openEditor(t, engine, { token: 'token-kim' })
  await late.sees(long, 'Short.')
  assert.ok(bytesRead(late) < long.length / 10)
})

test('compressed messages come in fragments, with pings between them, among others that are not', async (t) => {
  const client = await connectTcp(t, await start(t), { lines: OFFER })
  await client.joined()
  const payload = await deflated(ping(1))
  client.send(TEXT, payload.subarray(0, 5), { ...COMPRESSED, fin: false })
  client.send(PING, 'between')
  client.send(CONTINUATION, payload.subarray(5))
  client.send(TEXT, ping(2))
  client.send(TEXT, await deflated(ping(3)), COMPRESSED)
  await client.frames.atLeast(3, isAnswer, 'answers')
})

test('what inflates beyond the limit, or not at all, ends its connection and nothing else', async (t) => {
  const engine = await start(t, { limits: { frame_bytes_max: 128 * 1024 } })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const bomb = await deflated(Buffer.alloc(64 << 20))
  assert.ok(bomb.length < 128 * 1024)
  const cut = (await deflated(ping('x'.repeat(500)))).subarray(0, 20)
  for (const [what, frames, code] of [
    ['a bomb', [[TEXT, bomb, COMPRESSED]], 1009],
    ['one byte too much', [[TEXT, await deflated(Buffer.alloc(128 * 1024 + 1, 32)), COMPRESSED]], 1009],
    ['noise', [[TEXT, Buffer.from([0xff, 0xff, 0xff]), COMPRESSED]], 1007],
    ['a message that is cut off', [[TEXT, cut, COMPRESSED]], 1007],
    ['no UTF-8', [[TEXT, await deflated(Buffer.from([0xc3, 0x28])), COMPRESSED]], 1007],
    ['a compressed ping', [[PING, await deflated('hi'), COMPRESSED]], 1002],
    ['a mark within a message', [[TEXT, cut, { ...COMPRESSED, fin: false }], [CONTINUATION, cut, COMPRESSED]], 1002],
    ['another extension', [[TEXT, cut, { rsv: 2 }]], 1002],
  ]) {
    const client = await connectTcp(t, engine, { lines: OFFER })
    await client.joined()
    for (const frame of frames) client.send(...frame)
    assert.equal((await client.closed()).code, code, what)
  }
  const ann = await openEditor(t, engine)
  ann.write('We go on.')
  await bob.sees('We go on.')
  assert.deepEqual(bob.closes.entries, [])
})

test('before the host has said who it is, a client cannot make us unpack much', async (t) => {
  const engine = await start(t)
  engine.host.authorize = () => never
  const client = await connectTcp(t, engine, { lines: OFFER })
  client.send(TEXT, await deflated(Buffer.alloc(1 << 20, 32)), COMPRESSED)
  const { code, reason } = await client.closed()
  assert.equal(code, 1009)
  assert.match(reason.message ?? reason, /65536 bytes/)
})
