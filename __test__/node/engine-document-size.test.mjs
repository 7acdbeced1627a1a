/** A document that has reached its largest size: what is added is refused, and goes in once there is room. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { openEditor } from '../support/editor.mjs'
import { startEngine, temporaryFolder } from '../support/engine.mjs'
import { connectRaw, documentOf, frame } from '../support/raw-client.mjs'

const config = { document: { bytes_max: 20_000 } }
const LARGE = 'x'.repeat(15_000)

test('additions are refused with a code, deletions are taken, and nothing that was accepted is lost', async (t) => {
  const folder = await temporaryFolder(t)
  const engine = await startEngine(t, { config, folder })
  const ann = await openEditor(t, engine)
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  await bob.acknowledged()
  await bob.frames.first(({ type }) => type === 'step2', 'the state')
  ann.write(LARGE)
  await bob.frames.first(({ type }) => type === 'update', 'the large text')

  const doc = documentOf(bob.frames)
  doc.on('update', (update) => bob.send(frame.update(update)))
  const add = (text) => {
    const paragraph = new Y.XmlElement('paragraph')
    paragraph.insert(0, [new Y.XmlText(text)])
    doc.getXmlFragment('default').insert(0, [paragraph])
  }
  add('y'.repeat(10_000))
  const { text } = await bob.frames.first(({ text }) => text?.event === 'error', 'the refusal')
  assert.deepEqual([text.error.code, text.error.statusCode], ['DOCUMENT_TOO_LARGE', 413])
  const { roomId, byteSize, cap } = await engine.host.hook('realtime:document:full')
  assert.deepEqual([roomId, cap, byteSize > 15_000], ['records:noise', 20_000, true])
  assert.match((await bob.control('notice')).notice.message, /largest size/)

  // Ann has room for a little, and nobody is thrown out.
  const both = bob.frames.atLeast(3, ({ type }) => type === 'update', 'the large text, the little, the deletion')
  ann.write('A little.')
  ann.fragment.delete(1, 1)
  await both
  const asked = bob.frames.next(({ type }) => type === 'step1', 'the question')
  await engine.module.snapshot('records:noise')
  // Now there is room: bob is asked for what was refused.
  const { body } = await asked
  bob.send(frame.step2(Y.encodeStateAsUpdate(doc, body)))
  await ann.sees('y'.repeat(10_000), 'A little.')
  await engine.module.shutdown()

  const again = await startEngine(t, { config, folder })
  const cyd = await openEditor(t, again, { token: 'token-cyd' })
  await cyd.sees('y'.repeat(10_000), 'Noise at night.', 'A little.')
  assert.equal(cyd.paragraphs.length, 3)
})

test('a record that is too large already is there all the same', async (t) => {
  const engine = await startEngine(t, { config })
  engine.host.text = LARGE + LARGE
  const ann = await openEditor(t, engine)
  assert.deepEqual(ann.paragraphs, [LARGE + LARGE])
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  assert.match((await bob.control('notice')).notice.message, /largest size/)
})
