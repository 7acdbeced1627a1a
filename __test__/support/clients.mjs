/** Clients of a running server: one that shows frames and close codes, one that edits with real Yjs. */

import { EventEmitter, once } from 'node:events'

import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const url = (server) => {
  const { host, port } = server.getHealthStatus().server
  return `ws://${host}:${port}/realtime`
}

/**
 * Connects like a script: token in the header, so that text frames come.
 *
 * @returns the socket, its text frames so far, a way to wait for one, and promises of the acknowledgement and the close
 */
export function connect(t, server, { room = 'records/noise', token = 'token-ann', headers = {}, protocols = [] } = {}) {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`${url(server)}/${room}`, protocols, { headers: { ...authorization, ...headers } })
  const frames = []
  const arrived = new EventEmitter()
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: parsed(String(reason)) }))
  const acknowledged = new Promise((resolve, reject) => {
    socket.on('message', (data, isBinary) => {
      if (isBinary) return
      const frame = JSON.parse(String(data))
      frames.push(frame)
      arrived.emit('frame')
      if (frame.event === 'connection.ack') resolve(frame)
    })
    closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${JSON.stringify(reason)}`)), reject)
  })
  // Whoever waits for the close alone does not want to hear of it twice.
  acknowledged.catch(() => {})
  t.after(() => socket.terminate())
  /** The first text frame that is or was like this; what it says instead if the connection closes without one. */
  const frame = async (isIt) => {
    for (;;) {
      const found = frames.find(isIt)
      if (found) return found
      const end = await Promise.race([once(arrived, 'frame').then(() => null), closed])
      if (end && !frames.some(isIt)) throw new Error(`closed with ${end.code} ${JSON.stringify(end.reason)}`)
    }
  }
  return { socket, frames, frame, acknowledged, closed, say: (message) => socket.send(JSON.stringify(message)) }
}

/** Joins a room with the stock provider; resolves once it is synced. */
export async function edit(t, server, { room = 'records/noise', token = 'token-ann' } = {}) {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(url(server), room, doc, {
    WebSocketPolyfill: WebSocket,
    protocols: [`auth.${token}`],
    disableBc: true,
  })
  t.after(() => {
    provider.destroy()
    doc.destroy()
  })
  if (!provider.synced) await new Promise((resolve) => provider.once('sync', resolve))
  return { doc, provider }
}

/** Waits until something holds; the time limit is for tests that fail. */
export async function eventually(holds, what, timeoutMs = 10_000) {
  const end = Date.now() + timeoutMs
  for (;;) {
    const value = await holds()
    if (value) return value
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
