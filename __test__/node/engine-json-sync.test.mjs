/** Changes over JSON: in, out, and what becomes of those that build on something old. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { base64, join, joinWithDocument, textIn, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

const isSync = (frame) => frame.type === 'sync'
const isState = (frame) => frame.event === 'room_state'

test('a change reaches everybody else once, with its version and its author', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack, room } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  const { client: vic } = await join(t, live, { token: 'token-vic' })
  ann.send({ type: 'sync', update: base64(updateOf('hello')), version: room.version })
  for (const other of [ben, vic]) {
    const sync = await other.next(isSync)
    assert.deepEqual([sync.from, sync.version], [ack.clientId, room.version + 1])
    assert.equal(textIn(sync.update), 'hello')
    assert.equal((await other.settle()).filter(isSync).length, 0)
  }
  assert.deepEqual((await ann.settle()).filter((frame) => isSync(frame) || isState(frame)), [])
})

test('documents on both sides come to the same', async (t) => {
  const live = await startEngine(t)
  const { document: ann } = await joinWithDocument(t, live)
  const { document: ben } = await joinWithDocument(t, live, { token: 'token-ben' })
  ann.text.insert(0, 'Quiet hours')
  await ben.reads('Quiet hours')
  ben.text.insert(11, ' at night')
  await ann.reads('Quiet hours at night')
  ann.text.delete(0, 6)
  ben.text.insert(0, '§ 1 ')
  await ann.client.settle()
  await ben.client.settle()
  await ann.client.settle()
  assert.equal(ann.text.toString(), ben.text.toString())
  assert.match(ann.text.toString(), /^§ 1 .?hours at night$/)
})

test('who builds on an old version is sent the whole room, and the change counts', async (t) => {
  const live = await startEngine(t)
  const { client: ann, room } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  ben.send({ type: 'sync', update: base64(updateOf('Ben')), version: room.version })
  await ann.next(isSync)
  ann.send({ type: 'sync', update: base64(updateOf('Ann')), version: room.version })
  const state = await ann.next(isState)
  assert.equal(state.room.version, room.version + 2)
  assert.match(textIn(state.room.yjsState), /^(AnnBen|BenAnn)$/)
  assert.equal(textIn((await ben.next(isSync)).update), 'Ann')
  assert.equal((await ann.settle()).filter(isState).length, 0, 'told once')
})

test('a client is not behind its own changes', async (t) => {
  const live = await startEngine(t)
  const { client: ann, room } = await join(t, live)
  for (const text of ['a', 'b', 'c']) {
    ann.send({ type: 'sync', update: base64(updateOf(text)), version: room.version })
  }
  assert.deepEqual((await ann.settle()).filter(isState), [])
})

test('a version that never was, or none, is fine', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  ann.send({ type: 'sync', update: base64(updateOf('a')), version: 1e15 })
  ann.send({ type: 'sync', update: base64(updateOf('b')) })
  assert.deepEqual(await ann.settle(), [])
})

test('a change whose ground is missing brings the whole room, from which the client sees what to send', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const doc = new Y.Doc()
  doc.getText('content').insert(0, 'first ')
  const before = Y.encodeStateVector(doc)
  doc.getText('content').insert(6, 'second')
  ann.send({ type: 'sync', update: base64(Y.encodeStateAsUpdate(doc, before)) })
  const { room } = await ann.next(isState)
  const lacking = Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(Buffer.from(room.yjsState, 'base64')))
  ann.send({ type: 'sync', update: base64(lacking) })
  assert.deepEqual((await ann.settle()).filter(isState), [])
  const { room: seen } = await join(t, live, { token: 'token-ben' })
  assert.equal(textIn(seen.yjsState), 'first second')
})
