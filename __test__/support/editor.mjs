/** Stock editors: Yjs with the unchanged y-websocket provider, as the CivicPress editor uses them. */

import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

import { atEnd, startEngine } from './engine.mjs'
import { Journal, waitFor } from './journal.mjs'

/** The longest pause before a provider connects again. */
const RECONNECT_MS_MAX = 200

// Each provider listens for the end of the process, and tests have more than ten of them.
process.setMaxListeners(0)

/** One person with a document, a caret and a connection. */
export class Editor {
  doc = new Y.Doc()
  /** `{code, reason}` of every connection that ended. */
  closes = new Journal('closed connections')

  constructor(engine, { room = 'records/noise', token = 'token-ann', ...options } = {}) {
    this.provider = new WebsocketProvider(engine.url, room, this.doc, {
      WebSocketPolyfill: WebSocket,
      protocols: [`auth.${token}`],
      maxBackoffTime: RECONNECT_MS_MAX,
      disableBc: true,
      ...options,
    })
    this.provider.on('connection-close', (event) => {
      if (event) this.closes.add({ code: event.code, reason: event.reason })
    })
  }

  /** The text as the editor has it: a fragment of paragraphs. */
  get fragment() {
    return this.doc.getXmlFragment('default')
  }

  get awareness() {
    return this.provider.awareness
  }

  /** The paragraphs that hold any text, in order. */
  get paragraphs() {
    return paragraphsOf(this.doc)
  }

  /** Adds a paragraph at the end. */
  write(text) {
    writeParagraph(this.doc, text)
  }

  /** Waits for whatever may happen to this editor until something holds. */
  until(holds, what = String(holds)) {
    return waitFor(holds, (look) => this.subscribe(look), () => `${what}; paragraphs: ${this.paragraphs.join(' | ')}`)
  }

  /** Calls `look` after each change of text, carets and connection. */
  subscribe(look) {
    const sources = [
      [this.doc, 'update'],
      [this.awareness, 'change'],
      [this.provider, 'status'],
      [this.provider, 'sync'],
    ]
    for (const [source, event] of sources) source.on(event, look)
    return () => {
      for (const [source, event] of sources) source.off(event, look)
    }
  }

  synced() {
    return this.until(() => this.provider.synced, 'synced')
  }

  /** Waits until these texts stand here as paragraphs. */
  sees(...texts) {
    return this.until(() => texts.every((text) => this.paragraphs.includes(text)), `paragraphs ${texts.join(' | ')}`)
  }

  leave() {
    this.provider.destroy()
    this.awareness.destroy()
    this.doc.destroy()
  }
}

/** Joins a room; resolves once it is synced. */
export async function openEditor(t, engine, options) {
  const editor = newEditor(t, engine, options)
  await editor.synced()
  return editor
}

/** An engine with two editors in one room: what the second sees of what the first writes, the room has. */
export async function startPair(t, options) {
  const engine = await startEngine(t, options)
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const write = async (text) => {
    ann.write(text)
    await bob.sees(text)
  }
  return { engine, host: engine.host, ann, bob, write }
}

/** An editor that is on its way in, or will be when it is told to connect. */
export function newEditor(t, engine, options) {
  const editor = new Editor(engine, options)
  atEnd(t, () => editor.leave())
  return editor
}

/** Waits until all have the same text and nobody lacks anything. */
export function converged(editors) {
  const states = () =>
    editors.map(({ doc, fragment }) => fragment.toString() + JSON.stringify([...stateVector(doc)].sort()))
  return waitFor(
    () => new Set(states()).size === 1,
    (look) => {
      const undo = editors.map((editor) => editor.subscribe(look))
      return () => undo.forEach((unsubscribe) => unsubscribe())
    },
    () => `the same text everywhere: ${states().join('\n')}`,
  )
}

const stateVector = (doc) => Y.decodeStateVector(Y.encodeStateVector(doc))

/** The paragraphs of a document that hold any text. */
export function paragraphsOf(doc) {
  return doc
    .getXmlFragment('default')
    .toArray()
    .map((element) => element.toArray().map(String).join(''))
    .filter((text) => text !== '')
}

/** Adds a paragraph at the end of a document. */
export function writeParagraph(doc, text) {
  const paragraph = new Y.XmlElement('paragraph')
  paragraph.insert(0, [new Y.XmlText(text)])
  const fragment = doc.getXmlFragment('default')
  fragment.insert(fragment.length, [paragraph])
}

/** A text that another document of its own adds: an update that needs nothing else. */
export function paragraphUpdate(text) {
  const doc = new Y.Doc()
  writeParagraph(doc, text)
  return Y.encodeStateAsUpdate(doc)
}
