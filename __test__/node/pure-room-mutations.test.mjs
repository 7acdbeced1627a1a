/**
 * Updates that were tampered with, given to the room and to Yjs: whatever the room takes and passes on, Yjs takes as
 * well and makes the same of it. What only one of them can make sense of, the room leaves out.
 *
 * `MUTATION_CASES` sets how many updates are tried; `MUTATION_SEED` repeats from a seed that a failure printed.
 */

import assert from 'node:assert/strict'
import test from 'node:test'

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

import { FORGET, FRAMES, JOIN, REFUSED, Room, buildRoom, number, random } from '../support/pure-room.mjs'

const CASES = 1_500
const BASES = 24

/** Ends of ranges, and the clients and clocks that there are. */
const ODD_BYTES = [0, 1, 2, 10, 11, 21, 127, 128, 255]

/** The sender of the update, and who comes later. */
const ANN = 1
const BOB = 2

function updateFrame(update) {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, 0)
  encoding.writeVarUint(encoder, 2)
  encoding.writeVarUint8Array(encoder, update)
  return encoding.toUint8Array(encoder)
}

/** A frame of the room: its type, and what it holds. */
function read(frame) {
  const decoder = decoding.createDecoder(new Uint8Array(frame))
  const type = decoding.readVarUint(decoder)
  if (type === REFUSED) return { refused: String(frame.subarray(1)) }
  if (type !== 0) return {}
  return { [['step1', 'step2', 'update'][decoding.readVarUint(decoder)]]: decoding.readVarUint8Array(decoder) }
}

/** A document with something of everything, and the updates that made it. */
function makeBase(rng) {
  const updates = []
  const docs = [10, 20].map((client) => {
    const doc = new Y.Doc()
    doc.clientID = client + rng.below(5)
    doc.on('update', (update, origin) => origin === 'other' || updates.push(update))
    return doc
  })
  for (let step = 0; step < 12; step += 1) {
    const doc = rng.pick(docs)
    for (const other of docs) if (other !== doc) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other), 'other')
    edit(rng, doc)
  }
  return updates
}

function edit(rng, doc) {
  const text = doc.getText('text')
  const fragment = doc.getXmlFragment('default')
  const list = doc.getArray('list')
  const map = doc.getMap('map')
  const edits = [
    () => text.insert(rng.below(text.length + 1), rng.pick(['a', 'été', '🏛'])),
    () => text.length > 1 && text.delete(rng.below(text.length - 1), 1),
    () => text.length > 0 && text.format(0, 1, { strong: {} }),
    () => text.insertEmbed(0, { image: 'x' }),
    () => {
      const paragraph = new Y.XmlElement('paragraph')
      paragraph.insert(0, [new Y.XmlText('one')])
      paragraph.setAttribute('level', rng.below(9))
      fragment.insert(rng.below(fragment.length + 1), [paragraph])
    },
    () => fragment.length > 0 && fragment.delete(rng.below(fragment.length), 1),
    () => list.insert(0, [rng.below(1_000), 'x', null, { deep: [true, 2.5] }, new Uint8Array([1, 2])]),
    () => list.insert(list.length, [new Y.Map([['k', 1]]), new Y.Array()]),
    () => list.length > 2 && list.delete(1, 2),
    () => map.set(rng.pick(['a', 'b']), rng.pick([1, 'x', 2 ** 40, -1.5, undefined])),
  ]
  rng.pick(edits)()
}

/** An update with some of its bytes changed, moved or cut. */
function tamper(rng, update) {
  const bytes = [...update]
  for (let times = 1 + rng.below(3); times > 0; times -= 1) {
    const at = rng.below(bytes.length + 1)
    const kind = rng.below(6)
    if (kind < 3 && at < bytes.length) bytes[at] = kind === 0 ? rng.below(256) : rng.pick(ODD_BYTES)
    else if (kind === 3) bytes.splice(at, 1 + rng.below(3))
    else if (kind === 4) bytes.splice(at, 0, rng.below(256))
    else bytes[rng.below(bytes.length)] ^= 1 << rng.below(8)
  }
  return Uint8Array.from(bytes)
}

function documentOf(updates) {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

/** Where something was put between the halves of a surrogate pair, each side shows them in its own way. */
const shown = (value) =>
  JSON.stringify(value)
    .replace(/[\ud800-\udfff\ufffd]/g, '?')
    .replace(/\\ud[89a-f]../g, '?')

const content = (doc) => ({
  state: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
  text: shown(doc.getText('text').toDelta()),
  tree: shown(doc.getXmlFragment('default').toString()),
  map: doc.getMap('map').toJSON(),
  list: doc.getArray('list').toJSON(),
})

/**
 * Whether the update says of something else that it is what the document has under the same client and clock. The
 * first stands; where the second is longer, what Yjs and yrs make of its end may differ.
 */
function contradicts(base, update) {
  const known = Y.decodeStateVector(Y.encodeStateVector(documentOf(base)))
  return Y.decodeUpdate(update).structs.some(({ id }) => id.clock < (known.get(id.client) ?? 0))
}

/** What Yjs makes of the update, over a document: `taken` if nothing was left out. */
function inYjs(base, update) {
  const doc = documentOf(base)
  try {
    Y.applyUpdate(doc, update)
    const isPending = doc.store.pendingStructs !== null || doc.store.pendingDs !== null
    return { outcome: isPending ? 'pending' : 'taken', content: isPending ? undefined : content(doc) }
  } catch (error) {
    return { outcome: 'thrown', error }
  }
}

/** What the room makes of it: what it told the sender, and what somebody gets who comes later. */
async function inRoom(room, base, update) {
  await room.ask(FORGET, 0)
  await room.ask(JOIN, ANN)
  for (const known of base) await room.ask(FRAMES, ANN, [number(updateFrame(known).length), updateFrame(known)])
  const frame = updateFrame(update)
  const answers = (await room.ask(FRAMES, ANN, [number(frame.length), frame])).map(({ frame }) => read(frame))
  const refused = answers.find(({ refused }) => refused)?.refused
  const isAsked = answers.some(({ step1 }) => step1)
  const states = (await room.ask(JOIN, BOB)).filter(({ to }) => to === BOB).map(({ frame }) => read(frame).step2)
  const outcome = refused ? 'refused' : isAsked ? 'asked' : 'taken'
  return { outcome, refused, state: states.find((state) => state) }
}

test('what was tampered with is taken as Yjs takes it, or left out', async (t) => {
  const given = process.env.MUTATION_SEED
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  const cases = Number(process.env.MUTATION_CASES ?? (given === undefined ? CASES : 1))
  const room = new Room(buildRoom())
  const outcomes = {}
  try {
    for (let seed = first; seed < first + cases; seed += 1) {
      const rng = random(seed)
      const base = makeBase(rng)
      const update = tamper(rng, rng.pick([...base, Y.mergeUpdates(base)]))
      // What is tampered with may be new to the document, or come beside the original.
      const known = rng.chance(0.5) ? base : base.slice(0, rng.below(base.length))
      const yjs = inYjs(known, update)
      const ours = await inRoom(room, known, update)
      const outcome = `${yjs.outcome} by Yjs, ${ours.outcome} by the room`
      const why = `${yjs.error ?? ''} ${ours.refused ?? ''}`
      const what = `MUTATION_SEED=${seed}: ${outcome}; ${why}; ${Buffer.from(update).toString('hex')}`
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      // Whatever became of it, whoever comes later gets a whole document.
      const later = documentOf([ours.state])
      assert.equal(later.store.pendingStructs ?? later.store.pendingDs, null, what)
      if (ours.outcome === 'taken') {
        assert.notEqual(yjs.outcome, 'thrown', what)
        if (yjs.outcome === 'taken' && !contradicts(known, update)) assert.deepEqual(content(later), yjs.content, what)
      }
    }
  } finally {
    await room.close()
    for (const [outcome, count] of Object.entries(outcomes)) t.diagnostic(`${count} ${outcome}`)
  }
})
