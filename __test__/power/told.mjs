/** What clients were told is saved, and when the engine began to tell them. */

import { decode, takeFrames } from '../support/raw-client.mjs'
import { descriptor, strings } from './strace.mjs'

const SENDS = new Set(['write', 'writev', 'sendto', 'sendmsg'])

/**
 * Edits that were acknowledged in a trace: `{start, writer, edit}`.
 *
 * @param writers as of `writers.mjs`, all that were connected
 */
export function acknowledgements(calls, writers) {
  const connections = new Map()
  const told = []
  for (const call of calls) {
    if (!SENDS.has(call.name) || call.result?.startsWith('-1')) continue
    const { path } = descriptor(call.args)
    // Each socket has a number of its own, which is not used again as descriptors are.
    if (!path.startsWith('socket:')) continue
    const data = Buffer.concat(strings(call.args.slice(call.args.indexOf(','))))
    const sent = call.result === undefined ? data : data.subarray(0, Number.parseInt(call.result, 10))
    if (!connections.has(path)) connections.set(path, new Connection(writers))
    const connection = connections.get(path)
    for (const edit of connection.sends(sent)) told.push({ start: call.start, writer: connection.writer, edit })
  }
  return told
}

/** One connection as the engine writes to it. */
class Connection {
  writer
  #writers
  #rest = Buffer.alloc(0)
  /** Edits that are not acknowledged: in order for those who are told so, by their bytes for those who see them again. */
  #waiting
  /** What it is, is not known yet; or it is none to a writer. */
  #isOpen = true

  constructor(writers) {
    this.#writers = writers
  }

  /** Takes what was written to it, and gives the edits that are acknowledged by that. */
  sends(bytes) {
    if (!this.#isOpen) return []
    this.#rest = Buffer.concat([this.#rest, bytes])
    if (!this.writer && !this.#upgrade()) return []
    const edits = []
    this.#rest = takeFrames(this.#rest, { add: (frame) => edits.push(this.#acknowledged(frame)) })
    return edits.filter(Boolean)
  }

  #upgrade() {
    const end = this.#rest.indexOf('\r\n\r\n')
    const head = String(this.#rest.subarray(0, Math.max(0, end)))
    const [, accepted] = /sec-websocket-accept: (.*)/i.exec(head) ?? []
    this.writer = this.#writers.find((writer) => writer.accepted && writer.accepted === accepted?.trim())
    this.#isOpen = this.writer !== undefined
    if (!this.#isOpen) return false
    this.#rest = this.#rest.subarray(end + 4)
    this.#waiting = this.writer.ack === 'saved' ? [...this.writer.sent] : new Map(this.writer.sent.map(byBytes))
    return true
  }

  #acknowledged({ opcode, payload }) {
    if (opcode === 1 && this.writer.ack === 'saved') {
      return JSON.parse(String(payload)).event === 'saved' ? this.#waiting.shift() : undefined
    }
    if (opcode !== 2 || this.writer.ack !== 'echo') return undefined
    const { type, body } = decode(payload)
    return type === 'update' ? this.#waiting.get(hex(body)) : undefined
  }
}

const byBytes = (edit) => [hex(edit.update), edit]

const hex = (bytes) => Buffer.from(bytes).toString('hex')
