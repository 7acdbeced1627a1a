// A record's shared document, over the ordinary y-websocket provider.

import * as authProtocol from 'y-protocols/auth'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const AUTH_MESSAGE = 2

/** The server has decided, and would decide the same again: session refused, record not to be seen, no such room. */
const FINAL_CLOSE_CODES = new Set([4001, 4003, 4004])

/** What the editor binds to, by agreement with the server. */
const FRAGMENT = 'default'

/**
 * @param {{recordId: string, user: {id: string, name: string, color: string, token: string}, realtimePort: number}} options
 */
export function joinRoom({ recordId, user, realtimePort }) {
  const doc = new Y.Doc()
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const provider = new WebsocketProvider(
    `${scheme}://${location.hostname}:${realtimePort}/realtime/records`,
    encodeURIComponent(recordId),
    doc,
    {
      connect: false,
      protocols: [`auth.${user.token}`],
      params: { ack: 'echo' },
      // Windows of one browser would otherwise also talk past the server, and show each other text that it never saw.
      disableBc: true,
      shouldReconnect: (event) => !FINAL_CLOSE_CODES.has(event.code),
    },
  )
  provider.awareness.setLocalStateField('user', { id: user.id, name: user.name, color: user.color })

  return {
    doc,
    provider,
    awareness: provider.awareness,
    fragment: doc.getXmlFragment(FRAGMENT),

    /** The server says so when it did not accept an edit. */
    onEditDenied(listener) {
      provider.messageHandlers[AUTH_MESSAGE] = (_encoder, decoder) => {
        authProtocol.readAuthMessage(decoder, doc, (_doc, reason) => listener(reason))
      }
    },

    /** An editor shown before the first sync would offer an empty page to type into. */
    onceSynced: new Promise((resolve) => provider.once('synced', resolve)),

    connect: () => provider.connect(),
  }
}
