// Whether what was typed here is on the server's disk. The server was asked (`?ack=echo`) to send each of our update frames
// back once it is; until then the update is pending. Nothing is called saved because time has passed.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

const SYNC_MESSAGE = 0
const SYNC_STEP_1 = 0
const SYNC_UPDATE = 2

/**
 * @param {Y.Doc} doc
 * @param {import('y-websocket').WebsocketProvider} provider
 * @param {() => void} onChange
 */
export function watchSaved(doc, provider, onChange) {
  /** Updates made here and not yet acknowledged, in the order sent. @type {{update: Uint8Array, clock: number}[]} */
  let pending = []

  doc.on('update', (update, origin) => {
    if (origin === provider) return
    pending.push({ update, clock: ownClock(update) })
    onChange()
  })

  const readSync = provider.messageHandlers[SYNC_MESSAGE]
  provider.messageHandlers[SYNC_MESSAGE] = (encoder, decoder, ...rest) => {
    const peek = decoding.clone(decoder)
    const kind = decoding.readVarUint(peek)
    if (kind === SYNC_STEP_1) resend()
    readSync(encoder, decoder, ...rest)
    if (kind === SYNC_UPDATE) acknowledge(decoding.readVarUint8Array(peek))
  }

  /** The newest clock of this window in an update; 0 when it only deletes. */
  function ownClock(update) {
    return Y.parseUpdateMeta(update).to.get(doc.clientID) ?? 0
  }

  /**
   * Frames of one connection are stored in order, so an echo stands for everything before it as well. Deletions have
   * no clock and are known by their bytes; insertions also when the server has merged several frames into one.
   */
  function acknowledge(echo) {
    if (pending.length === 0) return
    const clock = ownClock(echo)
    const index = pending.findLastIndex(
      (entry) => (entry.clock > 0 && entry.clock <= clock) || sameBytes(entry.update, echo),
    )
    if (index < 0) return
    pending = pending.slice(index + 1)
    onChange()
  }

  /**
   * A new connection: what the old one left unacknowledged may or may not have arrived, so it is sent again, as one
   * frame and before the provider's own answer. Applied twice it changes nothing.
   */
  function resend() {
    if (pending.length === 0) return
    const update = Y.mergeUpdates(pending.map((entry) => entry.update))
    pending = [{ update, clock: ownClock(update) }]
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, SYNC_MESSAGE)
    encoding.writeVarUint(encoder, SYNC_UPDATE)
    encoding.writeVarUint8Array(encoder, update)
    provider.ws?.send(encoding.toUint8Array(encoder))
  }

  return {
    get pending() {
      return pending.length > 0
    },
  }
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
