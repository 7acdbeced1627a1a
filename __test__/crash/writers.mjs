/** People who type until the engine is gone: some hear what is saved, some are stock editors that come back. */

import { setTimeout as pause } from 'node:timers/promises'

import * as Y from 'yjs'

import { newEditor, paragraphsOf, writeParagraph } from '../support/editor.mjs'
import { connectRaw, decode, frame } from '../support/raw-client.mjs'

/** One in so many edits deletes a paragraph. */
const DELETIONS = 6

/** A client with a document that types from when it has the room's state until it is told to stop. */
export class Writer {
  doc = new Y.Doc()
  typing = true
  /** What it sent, in order: `{text, isDeletion, update}`. */
  sent = []
  /** What the server answered to its key: no other connection has the same. */
  accepted
  #name
  #random
  #client
  #state
  #hasState
  #heardSaved
  /** The edit that is being made. */
  #edit
  /** Edits that are on their way, by their update in hex. */
  #unsaved = new Map()

  constructor(t, engine, { room, ledger, random, name, ack }) {
    this.#name = name
    this.ack = ack
    this.ledger = ledger
    this.#random = random
    this.#client = connectRaw(t, engine, { room: `records/${room}`, query: `?ack=${ack}` })
    this.#client.socket.once('upgrade', ({ headers }) => (this.accepted = headers['sec-websocket-accept']))
    this.#client.socket.on('message', (data, isBinary) => {
      if (isBinary) this.#take(decode(data))
      else if (JSON.parse(String(data)).event === 'saved') this.#heardSaved?.()
    })
    this.#state = new Promise((resolve) => (this.#hasState = resolve))
    this.closed = new Promise((resolve) => this.#client.socket.once('close', resolve))
    this.done = Promise.race([this.#type(), this.closed])
  }

  /** The room's state, or undefined if the engine was gone before it came. */
  async joined() {
    return Promise.race([this.#state, this.closed.then(() => undefined)])
  }

  leave() {
    this.typing = false
    this.#client.socket.terminate()
  }

  #take({ type, body }) {
    if (type !== 'step2' && type !== 'update') return
    const edit = type === 'update' && this.#unsaved.get(hex(body))
    if (edit) this.ledger.saved(edit)
    Y.applyUpdate(this.doc, body, 'the room')
    if (type === 'step2') this.#hasState(this.doc)
  }

  async #type() {
    if (!(await this.joined())) return
    this.doc.on('update', (update, origin) => {
      if (origin === 'the room') return
      const edit = { ...this.#edit, update }
      this.sent.push(edit)
      if (this.ack === 'echo') this.#unsaved.set(hex(update), edit)
      this.#client.send(frame.update(update))
    })
    for (let word = 0; this.typing; word++) {
      const saved = new Promise((resolve) => (this.#heardSaved = resolve))
      const edit = this.#write(`${this.#name} word ${word}`)
      if (this.ack === 'saved') {
        await Promise.race([saved.then(() => this.ledger.saved(edit)), this.closed])
      }
      await pause(this.#random.below(8))
    }
  }

  /** Adds a paragraph, or deletes one. */
  #write(text) {
    const fragment = this.doc.getXmlFragment('default')
    const known = fragment.toArray().map((element, at) => ({ at, text: element.toArray().map(String).join('') }))
    const whole = known.filter(({ text }) => this.ledger.isWhole(text))
    if (whole.length > 0 && this.#random.below(DELETIONS) === 0) {
      const { at, text } = this.#random.pick(whole)
      this.ledger.deleted(text)
      this.#edit = { text, isDeletion: true }
      fragment.delete(at, 1)
    } else {
      this.ledger.wrote(text)
      this.#edit = { text, isDeletion: false }
      writeParagraph(this.doc, text)
    }
    return this.#edit
  }
}

/** A stock editor, which keeps its document while the engine is away and brings it back. */
export class Returning {
  #editor
  #ledger
  #name
  #words = 0

  constructor(t, engine, { room, ledger, name }) {
    this.#editor = newEditor(t, engine, { room: `records/${room}`, token: 'token-bob' })
    this.#ledger = ledger
    this.#name = name
  }

  /** Once it has the room's state for the first time: before, its text would be of another document. */
  get hasState() {
    return paragraphsOf(this.#editor.doc).length > 0
  }

  write() {
    if (!this.hasState) return
    const text = `${this.#name} word ${this.#words++}`
    this.#ledger.wrote(text)
    this.#editor.write(text)
  }

  leave() {
    this.#editor.leave()
  }

  /** Nothing doubles here either; what is missing may not have come yet. */
  check(where) {
    if (this.hasState) this.#ledger.check(this.#editor.paragraphs, `${where}, in ${this.#name}`, new Map())
  }

  /** With an engine that lives, it gets all there is. */
  async checkInTheEnd() {
    await this.#editor.synced()
    this.#ledger.check(this.#editor.paragraphs, `the end, in ${this.#name}`)
  }
}

const hex = (bytes) => Buffer.from(bytes).toString('hex')
