/** Clients without any Yjs wire library: a socket that shows its frames, and one with a document behind it. */

import { once } from 'node:events'

import WebSocket from 'ws'
import * as Y from 'yjs'

import { Happenings } from './live-engine.mjs'

export const JSON_PROTOCOL = 'civicpress.json.v1'

/** A socket and what came over it: text frames parsed, binary ones as buffers. */
export class Client {
  /** Unread frames, oldest first. */
  unread = []
  /** All frames. */
  frames = new Happenings()

  constructor(socket) {
    this.socket = socket
    this.closed = once(socket, 'close').then(([code, reason]) => {
      const end = { code, reason: parsed(String(reason)) }
      this.frames.push({ end })
      return end
    })
    socket.on('message', (data, isBinary) => {
      const frame = isBinary ? data : JSON.parse(String(data))
      this.unread.push(frame)
      this.frames.push(frame)
    })
    socket.on('error', () => {})
  }

  /** The next unread frame that matches, and all before it, are read; rejects if the connection ends first. */
  async next(matches, what = String(matches)) {
    const found = () => this.unread.findIndex((frame) => matches(frame))
    await this.frames.first((frame) => frame.end || found() >= 0, what)
    const index = found()
    if (index < 0) throw new Error(`closed before: ${what}; ${JSON.stringify(await this.closed)}`)
    return this.unread.splice(0, index + 1).at(-1)
  }

  /** The next text frame of type `control`, or of this event of it. */
  control(event) {
    return this.next((frame) => frame.type === 'control' && frame.event === event, `control ${event}`)
  }

  /** Sends an object as JSON, or a text or bytes as they are. */
  send(data) {
    this.socket.send(typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data))
  }

  /** All that the room has for this client at this moment has come; gives the unread frames before the answer. */
  async settle() {
    this.send({ type: 'ping' })
    await this.frames.first((frame) => frame.end || this.unread.some(isPong), 'pong')
    const index = this.unread.findIndex(isPong)
    if (index < 0) throw new Error(`closed: ${JSON.stringify(await this.closed)}`)
    return this.unread.splice(0, index + 1).slice(0, -1)
  }

  close() {
    this.socket.close(1000)
    return this.closed
  }
}

const isPong = (frame) => frame.type === 'pong'

/**
 * Connects.
 *
 * @param {import('node:test').TestContext} t
 * @param {{url: string}} live a running engine
 * @param {{room?: string, token?: string | null, protocols?: string[], headers?: object, query?: string}} [options]
 *   the token goes into the header
 * @returns {Client}
 */
export function connect(t, live, options = {}) {
  const { room = 'records/noise', token = 'token-ann', protocols = [], query = '', headers = {} } = options
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`${live.url}/${room}${query}`, protocols, {
    headers: { ...authorization, ...headers },
  })
  t.after(() => socket.terminate())
  return new Client(socket)
}

/** Joins a record's room as a JSON client. Gives the client, its acknowledgement and its first room state. */
export async function join(t, live, options = {}) {
  const client = connect(t, live, { protocols: [JSON_PROTOCOL], ...options })
  const ack = await client.control('connection.ack')
  const { room } = await client.control('room_state')
  return { client, ack, room }
}

/** A document kept up to date over JSON; `text` is its only content. */
export class JsonDocument {
  doc = new Y.Doc()
  version = 0
  #changes = new Happenings()

  constructor(client, room) {
    this.client = client
    this.take(room)
    client.socket.on('message', (data, isBinary) => {
      if (isBinary) return
      const frame = JSON.parse(String(data))
      if (frame.event === 'room_state') this.take(frame.room)
      if (frame.type === 'sync') this.apply(frame.update, frame.version)
    })
    this.doc.on('update', (update, origin) => {
      if (origin === this) return
      client.send({ type: 'sync', update: base64(update), version: this.version })
    })
  }

  get text() {
    return this.doc.getText('content')
  }

  take(room) {
    this.apply(room.yjsState, room.version)
  }

  apply(update, version) {
    Y.applyUpdate(this.doc, Buffer.from(update, 'base64'), this)
    this.version = version
    this.#changes.push(version)
  }

  /** Waits until the text is this. */
  async reads(expected) {
    await this.#changes.first(() => this.text.toString() === expected, `text ${expected}`)
  }
}

/** Joins with a document behind. */
export async function joinWithDocument(t, live, options) {
  const joined = await join(t, live, options)
  return { ...joined, document: new JsonDocument(joined.client, joined.room) }
}

export const base64 = (bytes) => Buffer.from(bytes).toString('base64')

/** An update that writes a text into an empty document, and the same in base64. */
export function updateOf(text) {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, text)
  const update = Y.encodeStateAsUpdate(doc)
  doc.destroy()
  return update
}

/** What a state in base64 says. */
export function textIn(state) {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Buffer.from(state, 'base64'))
  return doc.getText('content').toString()
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
