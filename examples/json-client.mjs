/**
 * A client of the JSON document protocol `civicpress.json.v1`: no Yjs wire library, just `ws` for the socket
 * and `yjs` for the bytes of updates.
 *
 *     node examples/json-client.mjs ws://127.0.0.1:3001/realtime/records/noise TOKEN "a line to write"
 *
 * It joins, shows who is there and what the document holds, writes the line if one was given, and shows what
 * others do until it is ended with Ctrl+C; with `--once` it ends when its line is on disk.
 *
 * The document of a CivicPress record is the editor's: an XML fragment named `default`, whose paragraphs are
 * elements with texts in them.
 */

import { pathToFileURL } from 'node:url'

import WebSocket from 'ws'
import * as Y from 'yjs'

const PROTOCOL = 'civicpress.json.v1'

/** Marks changes that came from the server, so that they are not sent back to it. */
const FROM_SERVER = Symbol('from the server')

/**
 * Joins a room. Listeners are called with what happens: `state(room)`, `change(from)`, `presence(event, user,
 * cursor)`, `saved()`, `control(message)`, `closed(code, reason)`.
 *
 * @param {string} url such as `ws://127.0.0.1:3001/realtime/records/noise`
 * @param {string} token
 * @param {Record<string, (...args: any[]) => void>} [listeners]
 */
export function joinRoom(url, token, listeners = {}) {
  const doc = new Y.Doc()
  let version = 0
  // Browsers cannot set headers: there, offer the subprotocols [`auth.${token}`, PROTOCOL].
  const socket = new WebSocket(`${url}?ack=saved`, [PROTOCOL], { headers: { authorization: `Bearer ${token}` } })
  const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message))
  const sendUpdate = (update) => send({ type: 'sync', update: Buffer.from(update).toString('base64'), version })
  const apply = (update) => Y.applyUpdate(doc, Buffer.from(update, 'base64'), FROM_SERVER)

  // Everything that is changed here goes to the server; applied twice, an update changes nothing.
  doc.on('update', (update, origin) => {
    if (origin !== FROM_SERVER) sendUpdate(update)
  })

  socket.on('message', (data, isBinary) => {
    if (isBinary) return
    const message = JSON.parse(String(data))
    if (message.type === 'sync') {
      apply(message.update)
      version = message.version
      listeners.change?.(message.from)
    } else if (message.type === 'presence') {
      listeners.presence?.(message.event, message.user, message.cursor)
    } else if (message.event === 'room_state') {
      const { yjsState, participants } = message.room
      apply(yjsState)
      version = message.room.version
      // What was changed here while there was no connection is not there yet.
      const there = Y.encodeStateVectorFromUpdate(Buffer.from(yjsState, 'base64'))
      if (lacks(there, Y.encodeStateVector(doc))) sendUpdate(Y.encodeStateAsUpdate(doc, there))
      listeners.state?.({ participants, version })
    } else if (message.event === 'saved') {
      listeners.saved?.()
    } else {
      listeners.control?.(message)
    }
  })
  socket.on('close', (code, reason) => listeners.closed?.(code, String(reason)))
  socket.on('error', () => {})

  return {
    doc,
    /** Shows where this person is; `cursor` is whatever the clients of a room agree on. */
    moveTo: (cursor, user) => send({ type: 'presence', event: 'cursor', user, cursor }),
    leave: () => socket.close(1000),
  }
}

/** Whether one state vector has something that the other has not. */
function lacks(one, other) {
  const known = Y.decodeStateVector(one)
  return [...Y.decodeStateVector(other)].some(([client, clock]) => clock > (known.get(client) ?? 0))
}

/** A record's paragraphs, as plain text. */
export function textOf(doc) {
  return doc
    .getXmlFragment('default')
    .toArray()
    .map((block) => block.toArray().map(String).join(''))
    .join('\n')
}

/** Adds a paragraph to a record. */
export function writeLine(doc, line) {
  const paragraph = new Y.XmlElement('paragraph')
  paragraph.insert(0, [new Y.XmlText(line)])
  doc.getXmlFragment('default').push([paragraph])
}

function main([url, token, ...rest]) {
  if (!url || !token) {
    console.error('usage: node examples/json-client.mjs URL TOKEN [LINE] [--once]')
    process.exitCode = 2
    return
  }
  const once = rest.includes('--once')
  const line = rest.find((argument) => argument !== '--once')
  let written = false
  const room = joinRoom(url, token, {
    state: ({ participants, version }) => {
      console.log(`version ${version}, here: ${participants.map(({ name }) => name).join(', ')}`)
      console.log(textOf(room.doc))
      if (line && !written) writeLine(room.doc, line)
      written = true
    },
    change: (from) => console.log(`changed by ${from ?? 'several'}:\n${textOf(room.doc)}`),
    presence: (event, user, cursor) => console.log(`${user.name ?? user.id} ${event}`, cursor ?? ''),
    saved: () => {
      console.log('saved')
      if (once) room.leave()
    },
    control: ({ event, error, notice }) => console.log([event, error?.message ?? notice?.message].filter(Boolean).join(' ')),
    closed: (code, reason) => console.log(`closed with ${code} ${reason}`),
  })
  process.once('SIGINT', () => room.leave())
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
