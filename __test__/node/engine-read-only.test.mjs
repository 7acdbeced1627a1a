/** Viewers: they see everything, change nothing, and leave no trace by looking. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { openEditor, paragraphUpdate, paragraphsOf } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { connectRaw, documentOf, frame } from '../support/raw-client.mjs'

const VIEWER = 'token-viewer'

/** Both ways of a viewer to try an edit. */
const attempts = { update: frame.update, 'step 2': frame.step2 }

for (const [how, wrap] of Object.entries(attempts)) {
  test(`an edit by ${how} is refused: the viewer is told, sent the true state, and stays`, async (t) => {
    const engine = await startEngine(t)
    const ann = await openEditor(t, engine)
    const viewer = connectRaw(t, engine, { token: VIEWER })
    assert.equal((await viewer.acknowledged()).readOnly, true)
    viewer.send(wrap(paragraphUpdate('Forbidden.')))
    const { error } = await viewer.control('error')
    assert.deepEqual([error.code, error.statusCode], ['PERMISSION_DENIED', 401])
    const states = await viewer.frames.atLeast(2, ({ type }) => type === 'step2', 'the true state')
    const seen = new Y.Doc()
    Y.applyUpdate(seen, states[1].body)
    assert.deepEqual(paragraphsOf(seen), ['Noise at night.'])
    // It stays, and sees what others do.
    ann.write('Allowed.')
    await viewer.frames.first(({ type }) => type === 'update', 'an update')
    assert.deepEqual(paragraphsOf(documentOf(viewer.frames)), ['Noise at night.', 'Allowed.'])
    assert.deepEqual(ann.paragraphs, ['Noise at night.', 'Allowed.'])
  })
}

test('a client that takes all for binary is told by the auth message of y-protocols', async (t) => {
  const engine = await startEngine(t)
  const viewer = connectRaw(t, engine, { protocols: [`auth.${VIEWER}`] })
  await viewer.frames.first(({ type }) => type === 'step2', 'the state')
  viewer.send(frame.update(paragraphUpdate('Forbidden.')))
  const { denied, reason } = await viewer.frames.first(({ type }) => type === 'auth', 'an auth message')
  assert.ok(denied && reason.length > 0)
  await viewer.frames.atLeast(2, ({ type }) => type === 'step2', 'the true state')
  assert.equal(viewer.frames.all(({ text }) => text).length, 0)
})

test('a stock provider of a viewer stays connected, and hears of the refusal', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const warn = t.mock.method(console, 'warn', () => {})
  const viewer = await openEditor(t, engine, { token: VIEWER })
  viewer.write('Forbidden.')
  // Its own document has it; nobody else's gets it.
  ann.write('Allowed.')
  await viewer.sees('Allowed.')
  const late = await openEditor(t, engine, { token: 'token-bob' })
  assert.deepEqual(late.paragraphs, ['Noise at night.', 'Allowed.'])
  assert.deepEqual(viewer.closes.entries, [])
  assert.match(warn.mock.calls[0].arguments[0], /Permission denied/)
})

test('deletions are edits too, but those that a stock client repeats when it connects are not', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  ann.write('To be deleted.')
  ann.fragment.delete(1, 1)
  const viewer = connectRaw(t, engine, { token: VIEWER })
  await viewer.frames.first(({ type }) => type === 'step2', 'the state')
  const doc = documentOf(viewer.frames)
  viewer.send(frame.step2(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(doc))))
  viewer.send(frame.step1(Y.encodeStateVector(doc)))
  await viewer.frames.atLeast(2, ({ type }) => type === 'step2', 'an answer')
  assert.deepEqual(viewer.frames.all(({ text }) => text?.event === 'error'), [])
  doc.on('update', (update) => viewer.send(frame.update(update)))
  doc.getXmlFragment('default').delete(0, 1)
  await viewer.control('error')
  assert.deepEqual((await openEditor(t, engine, { token: 'token-bob' })).paragraphs, ['Noise at night.'])
})

test('looking at a record writes no draft and changes nothing, however often it is looked at', async (t) => {
  const config = { rooms: { grace_period_ms: 0 }, snapshots: { interval: 0.001, max_updates: 1 } }
  const engine = await startEngine(t, { config })
  for (let visit = 1; visit <= 3; visit++) {
    const viewer = await openEditor(t, engine, { token: VIEWER })
    viewer.awareness.setLocalStateField('user', { name: 'Viewer' })
    viewer.leave()
    await engine.host.hooks.atLeast(visit, ({ name }) => name === 'realtime:room:destroyed', 'destroyed')
  }
  await engine.module.shutdown()
  assert.deepEqual(engine.host.saves.entries, [])
  // The text that the room began with is stored once, so that it is never put there twice.
  const versions = engine.host.told('realtime:snapshot:saved').map(({ version }) => version)
  assert.deepEqual(versions, [1])
})
