/** Frames that make no sense cost their sender at most its connection; the room and everybody in it go on. */

import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { test } from 'node:test'

import * as Y from 'yjs'

import { openEditor, paragraphUpdate, paragraphsOf } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { seeded } from '../support/random.mjs'
import { connectRaw, documentOf, frame } from '../support/raw-client.mjs'

/** Claims of far more than the bytes hold: a decoder that reserves first takes hundreds of megabytes. */
const HOSTILE = [
  [0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78],
  [0xff, 0xff, 0xff, 0x7a],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
].map((bytes) => new Uint8Array(bytes))

/** Taken by other servers, whose document can never be encoded again. */
const POISON = new Uint8Array([
  1, 1, 0, 1, 2, 2, 2, 132, 127, 0, 1, 3, 1, 8, 1, 1, 97, 1, 119, 1, 118, 1, 3, 1, 0, 1,
])

/** The memory that may be taken for a frame of a few bytes; the faults this is about take hundreds. */
const GROWTH_BYTES_MAX = 150 * 1024 * 1024

/** A room with an ordinary editor in it. */
async function setUp(t) {
  const config = { rate_limiting: { messages_per_second: 1_000 } }
  const engine = await startEngine(t, { config })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  let round = 0
  const assertUnharmed = async () => {
    const text = `We go on ${round++}.`
    const cyd = await openEditor(t, engine, { token: 'token-cyd' })
    cyd.write(text)
    await bob.sees(text)
    assert.deepEqual(bob.closes.entries, [])
    cyd.leave()
  }
  return { engine, bob, assertUnharmed }
}

const isInvalid = ({ text }) => text?.error?.code === 'INVALID_YJS_UPDATE'

test('what cannot be decoded is dropped, told to its sender, and to the host', async (t) => {
  const { engine, assertUnharmed } = await setUp(t)
  const good = paragraphUpdate('cut short')
  const holdsAnother = new Y.Doc()
  holdsAnother.getMap('inside').set('other', new Y.Doc())
  const nonsense = [
    new Uint8Array([]),
    new Uint8Array([0]),
    new Uint8Array([0, 7, 0]),
    new Uint8Array([0, 2, 200, 1]),
    new Uint8Array([0, 2, 0]),
    new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]),
    frame.update(good.subarray(0, good.length - 3)),
    frame.step2(new TextEncoder().encode('{"type":"sync"}')),
    frame.update(Y.encodeStateAsUpdate(holdsAnother)),
    ...HOSTILE.flatMap((bytes) => [
      frame.update(bytes),
      frame.step1(bytes),
      frame.step2(bytes),
      frame.rawAwareness(bytes),
    ]),
  ]
  const ann = connectRaw(t, engine)
  const { clientId } = await ann.acknowledged()
  const before = process.memoryUsage().rss
  for (const [index, bytes] of nonsense.entries()) {
    ann.send(bytes)
    const told = await ann.frames.atLeast(index + 1, isInvalid, `error for ${Buffer.from(bytes).toString('hex')}`)
    assert.equal(told.length, index + 1)
  }
  assert.ok(process.memoryUsage().rss - before < GROWTH_BYTES_MAX, 'a few bytes take little memory')
  const hooks = await engine.host.hooks.atLeast(
    nonsense.length,
    ({ name }) => name === 'realtime:room:apply-failed',
    'apply-failed',
  )
  for (const { data } of hooks) {
    assert.deepEqual([data.roomId, data.clientId], ['records:noise', clientId])
    assert.ok(data.error && data.timestamp && data.correlationId)
  }
  assert.equal(hooks.length, nonsense.length)
  // The sender is still in the room.
  ann.send(frame.update(paragraphUpdate('An honest word.')))
  await (await openEditor(t, engine, { token: 'token-dan' })).sees('An honest word.')
  await assertUnharmed()
})

test('a client that takes all for binary is sent no text about it', async (t) => {
  const { engine, assertUnharmed } = await setUp(t)
  const ann = connectRaw(t, engine, { protocols: ['auth.token-ann'] })
  await ann.frames.first(({ type }) => type === 'step2', 'the state')
  ann.send(frame.update(HOSTILE[0]))
  await engine.host.hook('realtime:room:apply-failed')
  ann.send(frame.step1())
  await ann.frames.atLeast(2, ({ type }) => type === 'step2', 'an answer')
  assert.deepEqual(
    ann.frames.all(({ text, type }) => text || type === 'auth'),
    [],
  )
  await assertUnharmed()
})

test('an update that poisons other servers leaves the room usable, now and after a restart', async (t) => {
  const { engine, bob, assertUnharmed } = await setUp(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  ann.send(frame.update(POISON))
  ann.send(frame.step1())
  await ann.frames.atLeast(2, ({ type }) => type === 'step2', 'an answer')
  await assertUnharmed()
  const { snapshotCreated } = await engine.module.snapshot('records:noise')
  assert.ok(snapshotCreated)
  const before = bob.paragraphs
  await engine.module.shutdown()
  const again = await startEngine(t, { folder: engine.folder })
  const cyd = await openEditor(t, again, { token: 'token-cyd' })
  assert.deepEqual(cyd.paragraphs, before)
})

test('updates whose beginning is missing wait for it, and harm nobody', async (t) => {
  const { engine, bob, assertUnharmed } = await setUp(t)
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', (update) => updates.push(update))
  for (const letter of 'abc') doc.getText('other').insert(doc.getText('other').length, letter)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  ann.send(frame.update(updates[2]))
  await assertUnharmed()
  // Asked for what is missing, a client sends all of it.
  const asked = await ann.frames.atLeast(2, ({ type }) => type === 'step1', 'a question')
  ann.send(frame.step2(Y.encodeStateAsUpdate(doc, asked[1].body)))
  await bob.until(() => bob.doc.getText('other').toString() === 'abc')
})

test('random bytes, and good frames with random bytes changed', async (t) => {
  const random = seeded(t)
  const { engine, bob, assertUnharmed } = await setUp(t)
  const good = [
    frame.update(paragraphUpdate('a good one')),
    frame.step1(Y.encodeStateVector(bob.doc)),
    frame.awareness({ client: 77, clock: 1, state: { user: { name: 'Ann' } } }),
    frame.queryAwareness(),
  ]
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  for (let number = 0; number < 300; number++) {
    let bytes = Uint8Array.from(random.pick(good))
    if (random.below(3) === 0) bytes = bytes.subarray(0, random.below(bytes.length))
    for (let change = random.below(4); change > 0 && bytes.length > 0; change--) {
      bytes[random.below(bytes.length)] = random.below(256)
    }
    if (random.below(10) === 0) bytes = randomFillSync(new Uint8Array(random.below(40)))
    ann.send(bytes)
  }
  ann.json({ type: 'ping' })
  const answer = ann.frames.first(({ text }) => text?.type === 'pong', 'pong')
  const end = await Promise.race([answer, ann.closed])
  assert.ok(end.text, `closed with ${end.code}`)
  await assertUnharmed()
  // What was taken makes a document that everybody can have.
  const dan = connectRaw(t, engine, { token: 'token-dan' })
  await dan.frames.first(({ type }) => type === 'step2', 'the state')
  assert.ok(paragraphsOf(documentOf(dan.frames)).includes('Noise at night.'))
})

test('text that is no message is answered with an error, and the connection stays', async (t) => {
  const { engine } = await setUp(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  const texts = ['', 'hello', '[]', '{}', '{"type":7}', '{"type":"dance"}', '['.repeat(100_000), '{"type":"ping"']
  for (const [index, text] of texts.entries()) {
    ann.socket.send(text)
    await ann.frames.atLeast(index + 1, ({ text }) => text?.error?.code === 'INVALID_MESSAGE', `error for ${text}`)
  }
  ann.json({ type: 'ping' })
  const { text } = await ann.frames.first(({ text }) => text?.type === 'pong', 'pong')
  assert.ok(Math.abs(text.timestamp - Date.now()) < 60_000)
})
