/** The process is killed, again and again, while people type: nothing is lost that need not be, and nothing doubles. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import * as Y from 'yjs'

import { converged, newEditor, openEditor, paragraphsOf, writeParagraph } from '../support/editor.mjs'
import { temporaryFolder } from '../support/engine.mjs'
import { startEngineProcess } from '../support/engine-process.mjs'
import { seeded } from '../support/random.mjs'
import { connectRaw, documentOf, frame } from '../support/raw-client.mjs'

const ROUNDS = 8

/** Every text once, and the seed of the record once. */
function assertOnce(paragraphs, texts, where) {
  for (const text of ['Noise at night.', ...texts]) {
    assert.equal(paragraphs.filter((paragraph) => paragraph === text).length, 1, `${text} in ${where}`)
  }
}

test('editors that come back by themselves have everything exactly once', async (t) => {
  const random = seeded(t)
  const folder = await temporaryFolder(t)
  // Snapshots are part of it: they delete what they cover from the log.
  const config = { snapshots: { max_updates: 20 } }
  let engine = await startEngineProcess(t, { config, folder })
  const editors = ['ann', 'bob', 'cyd'].map((name) => newEditor(t, engine, { token: `token-${name}` }))
  await Promise.all(editors.map((editor) => editor.synced()))
  const written = []
  for (let round = 0; round < ROUNDS; round++) {
    let typing = true
    const typists = editors.map(async (editor, person) => {
      for (let word = 0; typing; word++) {
        const text = `round ${round} person ${person} word ${word}`
        editor.write(text)
        written.push(text)
        await pause(1 + random.below(10))
      }
    })
    await pause(random.below(120))
    await engine.kill()
    // Some of it is typed while there is no server.
    await pause(random.below(30))
    typing = false
    await Promise.all(typists)
    engine = await startEngineProcess(t, { config: { ...config, port: engine.port }, folder })
    await converged(editors)
  }
  for (const editor of editors) assertOnce(editor.paragraphs, written, 'an editor')
  const late = await openEditor(t, engine, { token: 'token-dan' })
  await converged([...editors, late])
  assertOnce(late.paragraphs, written, 'the document of somebody new')
})

test('what was acknowledged is there although those who wrote it never come back', async (t) => {
  const random = seeded(t)
  const folder = await temporaryFolder(t)
  const acknowledged = []
  const written = []
  for (let round = 0; round <= ROUNDS; round++) {
    const rate_limiting = { messages_per_second: random.pick([10, 1_000]) }
    const engine = await startEngineProcess(t, { config: { rate_limiting, snapshots: { max_updates: 50 } }, folder })
    const writers = await Promise.all(
      [0, 1].map(async (person) => {
        const client = connectRaw(t, engine, { query: '?ack=echo' })
        await client.frames.first(({ type }) => type === 'step2', 'the state')
        return { client, doc: documentOf(client.frames), person, waiting: new Map(), typing: true }
      }),
    )
    for (const { doc } of writers) {
      const paragraphs = paragraphsOf(doc)
      assertOnce(paragraphs, acknowledged, `round ${round}`)
      for (const text of written) assert.ok(paragraphs.filter((paragraph) => paragraph === text).length <= 1, text)
    }
    if (round === ROUNDS) break
    const typists = writers.map(async (writer) => {
      const { doc, client, waiting, person } = writer
      let text
      doc.on('update', (update) => {
        waiting.set(Buffer.from(update).toString('hex'), text)
        client.send(frame.update(update))
      })
      for (let word = 0; writer.typing; word++) {
        text = `round ${round} person ${person} word ${word}`
        written.push(text)
        writeParagraph(doc, text)
        await pause(1)
      }
    })
    await writers[0].client.frames.first(({ type }) => type === 'update', 'an echo')
    await pause(random.below(100))
    await engine.kill()
    await Promise.all(writers.map(({ client }) => client.closed))
    for (const { client, waiting } of writers) {
      const echoes = client.frames.all(({ type }) => type === 'update').map(({ body }) => Buffer.from(body).toString('hex'))
      acknowledged.push(...echoes.map((echo) => waiting.get(echo)).filter(Boolean))
    }
    for (const writer of writers) writer.typing = false
    await Promise.all(typists)
  }
  assert.ok(acknowledged.length >= ROUNDS, `only ${acknowledged.length} were acknowledged`)
})

test('what a control frame says is saved is there after a kill', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await startEngineProcess(t, { folder })
  const writer = connectRaw(t, first, { query: '?ack=saved' })
  await writer.acknowledged()
  const doc = new Y.Doc()
  for (const text of ['one', 'two', 'three']) {
    const before = Y.encodeStateVector(doc)
    writeParagraph(doc, text)
    const saved = writer.frames.next(({ text }) => text?.event === 'saved', 'saved')
    writer.send(frame.update(Y.encodeStateAsUpdate(doc, before)))
    assert.ok((await saved).text.version > 0)
  }
  await first.kill()
  const second = await startEngineProcess(t, { folder })
  const reader = await openEditor(t, second, { token: 'token-bob' })
  assertOnce(reader.paragraphs, ['one', 'two', 'three'], 'the document after the kill')
})
