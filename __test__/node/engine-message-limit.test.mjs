/** The message limit: fast people are read a little later, never closed; only `policy: close` is strict. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { converged, openEditor, paragraphUpdate } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

/** Two frames, an update and a caret, at each of these: 40 frames a second. */
const KEY_PRESS_MS = 50
const KEY_PRESSES = 60

const isNotice = ({ text }) => text?.event === 'notice'

test('somebody who types fast is never closed, and loses nothing', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const paragraph = ann.fragment.get(0).get(0)
  for (let key = 0; key < KEY_PRESSES; key++) {
    paragraph.insert(paragraph.length, String(key % 10))
    ann.awareness.setLocalStateField('cursor', { at: key })
    await pause(KEY_PRESS_MS)
  }
  await converged([ann, bob])
  await bob.until(() => bob.awareness.getStates().get(ann.doc.clientID)?.cursor?.at === KEY_PRESSES - 1)
  assert.equal(bob.paragraphs[0], `Noise at night.${'0123456789'.repeat(KEY_PRESSES / 10)}`)
  assert.deepEqual(ann.closes.entries, [])
})

test('all at once, a thousand edits arrive, in fewer frames', async (t) => {
  const config = { rate_limiting: { frames_per_second_max: 5_000 } }
  const engine = await startEngine(t, { config })
  const ann = await openEditor(t, engine)
  const watcher = connectRaw(t, engine, { token: 'token-bob' })
  await watcher.acknowledged()
  const paragraph = ann.fragment.get(0).get(0)
  for (let key = 0; key < 1_000; key++) paragraph.insert(paragraph.length, 'x')
  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  await converged([ann, cyd])
  assert.equal(cyd.paragraphs[0].length, 'Noise at night.'.length + 1_000)
  const frames = watcher.frames.all(({ type }) => type === 'update').length
  assert.ok(frames < 200, `${frames} frames`)
})

test('who comes near the limit is warned once', async (t) => {
  const engine = await startEngine(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  for (let number = 0; number < 100; number++) ann.send(frame.update(paragraphUpdate(`update ${number}`)))
  const { text } = await ann.frames.first(isNotice, 'a notice')
  assert.deepEqual(text.notice, { level: 'warning', message: 'Rate limit approaching' })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  await bob.until(() => bob.paragraphs.length === 101)
  ann.json({ type: 'ping' })
  await ann.frames.first(({ text }) => text?.type === 'pong', 'pong')
  assert.equal(ann.frames.all(isNotice).length, 1)
})

test('pings are answered with the time, and neither they nor presence count', async (t) => {
  const config = { rate_limiting: { policy: 'close' } }
  const engine = await startEngine(t, { config })
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  for (let number = 1; number <= 100; number++) {
    ann.json({ type: 'ping' })
    ann.send(frame.awareness({ client: 1, clock: number, state: { number } }))
  }
  const pongs = await ann.frames.atLeast(100, ({ text }) => text?.type === 'pong', 'pong')
  for (const { text } of pongs) assert.ok(Math.abs(text.timestamp - Date.now()) < 60_000)
  assert.deepEqual(ann.frames.all(isNotice), [])
})

test('with `policy: close` ten messages pass and the eleventh closes, others stay', async (t) => {
  const config = { rate_limiting: { policy: 'close' } }
  const engine = await startEngine(t, { config })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  for (let number = 1; number <= 10; number++) ann.send(frame.update(paragraphUpdate(`update ${number}`)))
  await bob.until(() => bob.paragraphs.length === 11)
  for (let number = 11; number <= 30; number++) ann.send(frame.update(paragraphUpdate(`update ${number}`)))
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.code], [1008, 'RATE_LIMIT_EXCEEDED'])
  const { reason: told } = await engine.host.hook('realtime:client:disconnected')
  assert.equal(told, 'rate_limit')
  assert.equal(engine.module.health().counters.civicpress_realtime_rate_limit_closes_total, 1)
  assert.deepEqual(bob.closes.entries, [])
})
