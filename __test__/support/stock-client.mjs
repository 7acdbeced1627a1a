/** The stock `y-websocket` provider against a bare engine. */

import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

import { Happenings } from './live-engine.mjs'

/** Joins a room and waits until it is synced. `changes` tells of every change of text and of presence. */
export async function joinStock(t, live, { room = 'records/noise', token = 'token-ann' } = {}) {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(live.url, room, doc, {
    WebSocketPolyfill: WebSocket,
    protocols: [`auth.${token}`],
    disableBc: true,
  })
  t.after(() => {
    provider.destroy()
    doc.destroy()
  })
  const changes = new Happenings()
  doc.on('update', () => changes.push('update'))
  provider.awareness.on('change', () => changes.push('presence'))
  provider.on('connection-close', (event) => changes.push({ closed: event?.code }))
  if (!provider.synced) await new Promise((resolve) => provider.once('sync', resolve))
  return { doc, provider, changes, text: doc.getText('content') }
}

/** Waits until a stock client's text is this. */
export function stockReads(stock, expected) {
  if (stock.text.toString() === expected) return Promise.resolve()
  return stock.changes.first(() => stock.text.toString() === expected, `text ${expected}`)
}
