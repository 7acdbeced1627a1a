/** Clients that show every frame: one over `ws`, one over a bare TCP socket that may break the rules. */

import { randomBytes } from 'node:crypto'
import net from 'node:net'

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import WebSocket from 'ws'
import * as Y from 'yjs'

import { atEnd } from './engine.mjs'
import { Journal } from './journal.mjs'

/**
 * Connects over `ws`. By default like a script, with the token in a header, so that text frames come.
 *
 * @param options.token null = none
 * @param options.protocols subprotocols; with them the token is not sent in a header
 * @returns `frames` (a journal of decoded frames), `closed` and, if it is refused before the upgrade, `refused`
 */
export function connectRaw(t, engine, options = {}) {
  const { room = 'records/noise', token = 'token-ann', protocols, query = '', headers = {} } = options
  const bearer = token && !protocols ? { authorization: `Bearer ${token}` } : {}
  const socket = new WebSocket(`${engine.url}/${room}${query}`, protocols ?? [], { headers: { ...bearer, ...headers } })
  const frames = new Journal('frames')
  socket.on('message', (data, isBinary) => frames.add(isBinary ? decode(data) : { text: JSON.parse(String(data)) }))
  // What matters of an error is how the connection ended.
  socket.on('error', () => {})
  const refused = new Promise((resolve) => {
    socket.once('unexpected-response', (request, response) => {
      response.resume()
      resolve(response)
      // Else it would neither end nor keep the process alive.
      socket.terminate()
    })
  })
  const closes = new Journal('ends of the connection')
  socket.once('close', (code, reason) => closes.add({ code, reason: parsed(String(reason)), raw: reason }))
  atEnd(t, () => socket.terminate())
  return {
    socket,
    frames,
    /** The close's code and reason. */
    get closed() {
      return closes.first(() => true, 'a close')
    },
    refused,
    /** The acknowledgement: it is in the room. */
    acknowledged: () => control(frames, 'connection.ack'),
    control: (event) => control(frames, event),
    send: (frame) => socket.send(frame),
    json: (message) => socket.send(JSON.stringify(message)),
  }
}

const control = (frames, event) =>
  frames.first(({ text }) => text?.type === 'control' && text.event === event, event).then(({ text }) => text)

/** Reads a text of JSON; what is none is given back as it is. */
export function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A server's binary frame: its `type` and contents. */
export function decode(data) {
  const decoder = decoding.createDecoder(new Uint8Array(data))
  const kind = decoding.readVarUint(decoder)
  if (kind === 0) {
    const type = ['step1', 'step2', 'update'][decoding.readVarUint(decoder)]
    return { type, body: decoding.readVarUint8Array(decoder) }
  }
  if (kind === 1) return { type: 'awareness', states: decodeStates(decoding.readVarUint8Array(decoder)) }
  if (kind === 2) return { type: 'auth', denied: decoding.readVarUint(decoder) === 0, reason: decoding.readVarString(decoder) }
  return { type: `unknown ${kind}` }
}

function decodeStates(bytes) {
  const decoder = decoding.createDecoder(bytes)
  return Array.from({ length: decoding.readVarUint(decoder) }, () => ({
    client: decoding.readVarUint(decoder),
    clock: decoding.readVarUint(decoder),
    state: JSON.parse(decoding.readVarString(decoder)),
  }))
}

function message(...parts) {
  const encoder = encoding.createEncoder()
  for (const part of parts) {
    if (typeof part === 'number') encoding.writeVarUint(encoder, part)
    else encoding.writeVarUint8Array(encoder, part)
  }
  return encoding.toUint8Array(encoder)
}

/** The frames that a client sends. */
export const frame = {
  step1: (stateVector = new Uint8Array([0])) => message(0, 0, stateVector),
  step2: (update) => message(0, 1, update),
  update: (update) => message(0, 2, update),
  /** @param states `{client, clock, state}`; a state of null means gone */
  awareness(...states) {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, states.length)
    for (const { client, clock, state } of states) {
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarString(encoder, JSON.stringify(state))
    }
    return message(1, encoding.toUint8Array(encoder))
  },
  rawAwareness: (bytes) => message(1, bytes),
  queryAwareness: () => message(3),
}

/** The document that a client has after the frames so far. */
export function documentOf(frames) {
  const doc = new Y.Doc()
  for (const { type, body } of frames.all(({ type }) => type === 'step2' || type === 'update')) Y.applyUpdate(doc, body)
  return doc
}

/** A WebSocket frame's bytes, as lawful or unlawful as wanted. */
export function wireFrame(opcode, payload, { fin = true, masked = true, rsv = 0, length = payload.length } = {}) {
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const size = Buffer.alloc(length < 126 ? 1 : length < 65_536 ? 3 : 9)
  if (length < 126) size[0] = length
  else if (length < 65_536) size[0] = 126, size.writeUInt16BE(length, 1)
  else size[0] = 127, size.writeBigUInt64BE(BigInt(length), 1)
  const body = Buffer.from(payload)
  if (!masked) return Buffer.concat([Buffer.from([first]), size, body])
  size[0] |= 0x80
  const key = randomBytes(4)
  body.forEach((byte, index) => (body[index] = byte ^ key[index % 4]))
  return Buffer.concat([Buffer.from([first]), size, key, body])
}

/**
 * Upgrades over bare TCP and shows what comes. It answers nothing: no pings, no close.
 *
 * @returns the socket, the head of the answer, a journal of `{opcode, payload, fin, rsv, masked}`, and `ended`
 */
export async function connectTcp(t, engine, { room = 'records/noise', token = 'token-ann', lines = [] } = {}) {
  const socket = net.connect(engine.port, '127.0.0.1')
  socket.on('error', () => {})
  atEnd(t, () => socket.destroy())
  const head = [
    `GET /realtime/${room} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    `Authorization: Bearer ${token}`,
    ...lines,
  ]
  const frames = new Journal('wire frames')
  let rest = Buffer.alloc(0)
  let upgraded
  const answered = new Promise((resolve) => (upgraded = resolve))
  let answer
  socket.on('data', (data) => {
    rest = Buffer.concat([rest, data])
    if (answer === undefined) {
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) return
      answer = String(rest.subarray(0, end))
      rest = rest.subarray(end + 4)
      upgraded(answer)
    }
    rest = takeFrames(rest, frames)
  })
  const ends = new Journal('ends of the connection')
  socket.once('close', () => ends.add('end'))
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return {
    socket,
    frames,
    /** The connection is over. */
    get ended() {
      return ends.first(() => true, 'the end')
    },
    answer: await answered,
    send: (...args) => socket.write(wireFrame(...args)),
    /** The close frame's code and reason. */
    closed: () => frames.first(({ opcode }) => opcode === 8, 'a close frame').then(({ payload }) => closeOf(payload)),
    joined: () => frames.first(({ opcode }) => opcode === 2, 'a binary frame'),
  }
}

function closeOf(payload) {
  if (payload.length < 2) return { code: 1005, reason: '' }
  return { code: payload.readUInt16BE(0), reason: parsed(String(payload.subarray(2))) }
}

/** Takes whole WebSocket frames from the front of bytes into a list; gives what is left. */
export function takeFrames(bytes, frames) {
  for (;;) {
    if (bytes.length < 2) return bytes
    let length = bytes[1] & 0x7f
    let start = 2
    if (length === 126) {
      if (bytes.length < 4) return bytes
      length = bytes.readUInt16BE(2)
      start = 4
    } else if (length === 127) {
      if (bytes.length < 10) return bytes
      length = Number(bytes.readBigUInt64BE(2))
      start = 10
    }
    if (bytes.length < start + length) return bytes
    const [first, second] = bytes
    const payload = bytes.subarray(start, start + length)
    frames.add({ opcode: first & 0x0f, payload, fin: first >= 0x80, rsv: (first >> 4) & 7, masked: second >= 0x80 })
    bytes = bytes.subarray(start + length)
  }
}
