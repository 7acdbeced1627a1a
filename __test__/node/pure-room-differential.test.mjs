/**
 * The room against Yjs itself: several `Y.Doc`s edit at random through a room without sockets, lose their
 * connections, come back, see the room restart, and must all end with the same document.
 *
 * `ROOM_ROUNDS` sets how many rounds are played; `ROOM_SEED` repeats from a seed that a failure printed.
 */

import assert from 'node:assert/strict'
import test from 'node:test'

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

import { FRAMES, JOIN, LEAVE, REFUSED, RESTART, Room, buildRoom, number, random } from '../support/pure-room.mjs'

const ROUNDS = 200
const STEPS = 120
const EDITORS_MAX = 5

const SYNC = 0

function syncFrame(write) {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, SYNC)
  write(encoder)
  return encoding.toUint8Array(encoder)
}

/** A Yjs document, and the frames on their way between it and the room. */
class Editor {
  constructor(clientID) {
    this.doc = new Y.Doc()
    this.doc.clientID = clientID
    this.client = null
    this.toRoom = []
    this.fromRoom = []
    this.doc.on('update', (update, origin) => {
      if (origin !== this && this.client !== null) {
        this.toRoom.push(syncFrame((encoder) => sync.writeUpdate(encoder, update)))
      }
    })
  }

  greeting() {
    return syncFrame((encoder) => sync.writeSyncStep1(encoder, this.doc))
  }

  hear(frame) {
    const decoder = decoding.createDecoder(frame)
    const type = decoding.readVarUint(decoder)
    assert.notEqual(type, REFUSED, String(frame.subarray(1)))
    if (type !== SYNC) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, SYNC)
    sync.readSyncMessage(decoder, encoder, this.doc, this)
    if (encoding.length(encoder) > 1) this.toRoom.push(encoding.toUint8Array(encoder))
  }
}

/** Where characters begin and end: an editor does not part the halves of a surrogate pair. */
function boundaries(text) {
  const at = [0]
  for (const character of text) at.push(at[at.length - 1] + character.length)
  return at
}

/** A text's characters as Yjs counts them: whatever is not text counts as one. */
const plain = (text) => text.toDelta().map(({ insert }) => (typeof insert === 'string' ? insert : '.')).join('')

function editText(rng, text) {
  const at = boundaries(plain(text))
  const first = rng.below(at.length)
  const last = Math.min(at.length - 1, first + rng.below(6))
  const [start, length] = [at[first], at[last] - at[first]]
  const kind = rng.below(6)
  if (kind === 0) text.delete(start, length)
  else if (kind === 1) text.format(start, length, { strong: rng.chance(0.5) ? true : null })
  else if (kind === 2) text.insert(start, rng.pick(['b', '🏛']), { em: true })
  else text.insert(start, rng.pick(['a', 'été ', '🏛️ ', 'a longer run of words ', '\n']))
}

function editTree(rng, fragment) {
  const kind = rng.below(6)
  if (fragment.length === 0 || kind === 0) {
    const paragraph = new Y.XmlElement('paragraph')
    paragraph.insert(0, [new Y.XmlText(rng.pick(['one', 'two 🏛', '']))])
    fragment.insert(rng.below(fragment.length + 1), [paragraph])
    return
  }
  const at = rng.below(fragment.length)
  const paragraph = fragment.get(at)
  if (kind === 1) fragment.delete(at, 1)
  else if (kind === 2) paragraph.setAttribute('level', rng.below(6))
  else if (kind === 3) paragraph.insert(paragraph.length, [new Y.XmlText('more')])
  else if (paragraph.length > 0) editText(rng, paragraph.get(rng.below(paragraph.length)))
}

function editAtRandom(rng, doc) {
  doc.transact(() => {
    for (let times = 1 + rng.below(3); times > 0; times -= 1) {
      const kind = rng.below(10)
      const list = doc.getArray('list')
      if (kind < 4) editText(rng, doc.getText('text'))
      else if (kind < 8) editTree(rng, doc.getXmlFragment('default'))
      else if (kind < 9) doc.getMap('map').set(rng.pick(['a', 'b']), rng.pick([1, 'x', null, { deep: [true, 2.5] }]))
      else if (list.length > 2) list.delete(rng.below(list.length), 1)
      else list.insert(rng.below(list.length + 1), [rng.below(100), 'x'])
    }
  })
}

const content = (doc) => ({
  text: doc.getText('text').toDelta(),
  tree: doc.getXmlFragment('default').toString(),
  map: doc.getMap('map').toJSON(),
  list: doc.getArray('list').toJSON(),
  clocks: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
})

class Round {
  constructor(room, seed) {
    this.room = room
    this.rng = random(seed)
    this.editors = Array.from({ length: 2 + this.rng.below(EDITORS_MAX - 1) }, () => this.newEditor())
    this.clients = 0
  }

  newEditor() {
    return new Editor(this.rng.below(2 ** 32))
  }

  /** Whoever a frame is for and is still there will hear it. */
  async ask(...message) {
    for (const { to, frame } of await this.room.ask(...message)) {
      this.editors.find(({ client }) => client === to)?.fromRoom.push(frame)
    }
  }

  async connect(editor) {
    if (editor.client !== null) return
    this.clients += 1
    editor.client = this.clients
    editor.toRoom = []
    editor.fromRoom = []
    // Some are let in with their greeting, some before it has come.
    const [first, later] = this.rng.chance(0.5) ? [[editor.greeting()], []] : [[], [editor.greeting()]]
    editor.toRoom.push(...later)
    await this.ask(JOIN, editor.client, first)
  }

  async disconnect(editor) {
    if (editor.client === null) return
    const { client } = editor
    editor.client = null
    await this.ask(LEAVE, client)
  }

  async deliver(editor, count) {
    if (editor.client === null) return
    const frames = editor.toRoom.splice(0, count).flatMap((frame) => [number(frame.length), frame])
    if (frames.length > 0) await this.ask(FRAMES, editor.client, frames)
  }

  read(editor, count) {
    for (const frame of editor.fromRoom.splice(0, count)) if (editor.client !== null) editor.hear(frame)
  }

  async restart() {
    for (const editor of this.editors) editor.client = null
    await this.ask(RESTART, 0)
  }

  async play() {
    for (let step = 0; step < STEPS; step += 1) {
      const editor = this.rng.pick(this.editors)
      const what = this.rng.below(100)
      if (what < 35) editAtRandom(this.rng, editor.doc)
      else if (what < 62) await this.deliver(editor, 1 + this.rng.below(8))
      else if (what < 88) this.read(editor, 1 + this.rng.below(8))
      else if (what < 96) await this.connect(editor)
      else if (what < 99) await this.disconnect(editor)
      else await this.restart()
    }
    await this.settle()
    await this.compare()
  }

  async settle() {
    for (const editor of this.editors) await this.connect(editor)
    for (let times = 0; times < 1_000; times += 1) {
      if (this.editors.every(({ toRoom, fromRoom }) => toRoom.length + fromRoom.length === 0)) return
      for (const editor of this.editors) {
        await this.deliver(editor, Infinity)
        this.read(editor, Infinity)
      }
    }
    assert.fail('the room and its clients never stop talking')
  }

  async compare() {
    await this.restartNowAndThen()
    const fresh = this.newEditor()
    this.editors.push(fresh)
    await this.connect(fresh)
    await this.settle()
    const truth = content(fresh.doc)
    const snapshot = Y.snapshot(fresh.doc)
    for (const { doc } of this.editors) {
      assert.deepEqual(content(doc), truth)
      assert.equal(doc.store.pendingStructs ?? doc.store.pendingDs, null)
      assert.ok(Y.equalSnapshots(Y.snapshot(doc), snapshot), 'the same has been deleted')
    }
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(fresh.doc))
    assert.deepEqual(content(copy), truth)
  }

  /** What the log gives back is the same, too. */
  async restartNowAndThen() {
    if (this.rng.chance(0.5)) {
      await this.restart()
      await this.connect(this.editors[0])
    }
  }
}

test('editors on Yjs and the room on yrs end with the same document', async () => {
  const program = buildRoom()
  const given = process.env.ROOM_SEED
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  const rounds = Number(process.env.ROOM_ROUNDS ?? (given === undefined ? ROUNDS : 1))
  for (let seed = first; seed < first + rounds; seed += 1) {
    const room = new Room(program)
    try {
      await new Round(room, seed).play()
    } catch (error) {
      console.error(`repeat this round with ROOM_SEED=${seed}`)
      throw error
    } finally {
      await room.close()
    }
  }
})
