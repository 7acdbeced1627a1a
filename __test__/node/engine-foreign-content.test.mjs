/** An editor with another schema: what it writes stays in the room, and no draft says less than the room holds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { recordings } from '../editors/fixtures.mjs'
import { documentAfter } from '../editors/reading.mjs'
import { newEditor, openEditor, startPair } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'

const ROOM = 'records:noise'
const LOSSY = 'realtime:room:lossy'

/** A document that an editor made, as one update. */
function recorded(name) {
  const { steps } = recordings().find((recording) => recording.name === name)
  return Y.encodeStateAsUpdate(documentAfter(steps.map(({ update }) => update)))
}

const shown = ({ fragment }) => fragment.toString()

/** Ann's editor writes all that was recorded; Bob has it when the room has. */
async function startWith(t, name, options) {
  const pair = await startPair(t, options)
  Y.applyUpdate(pair.ann.doc, recorded(name))
  await pair.bob.until(() => shown(pair.bob) === shown(pair.ann), 'what Ann has')
  await pair.engine.module.snapshot(ROOM)
  return pair
}

const lossyRoom = (engine) => engine.module.rooms()[0].lossy

test('documents with the names of TipTap are kept, told of, and not written over the record', async (t) => {
  const { engine, host, ann, bob } = await startWith(t, "TipTap's own names")
  const { roomId, recordId, lost } = await host.hook(LOSSY)
  assert.deepEqual([roomId, recordId], [ROOM, 'noise'])
  const names = ['bulletList', 'codeBlock', 'hardBreak', 'listItem', 'tableCell', 'tableHeader', 'tableRow']
  const nodes = names.map((name) => ({ kind: 'unknown_node', name }))
  assert.deepEqual(lost, [...nodes, { kind: 'unknown_mark', name: 'bold' }])
  assert.deepEqual([host.saves.entries, lossyRoom(engine)], [[], true])
  const document = shown(bob)

  // An editor with the contract's schema would delete what it does not know; nobody may write now.
  bob.fragment.delete(0, bob.fragment.length)
  const late = await openEditor(t, engine, { token: 'token-eve' })
  assert.equal(shown(late), document)

  // It is so in the room's next life, from the first moment on.
  await engine.module.shutdown()
  for (const editor of [ann, bob, late]) editor.leave()
  const next = await startEngine(t, { folder: engine.folder })
  const again = await openEditor(t, next)
  assert.equal(shown(again), document)
  assert.equal(lossyRoom(next), true)
  await next.host.hook(LOSSY)
  again.fragment.delete(0, again.fragment.length)
  await next.module.snapshot(ROOM)
  assert.equal(shown(await openEditor(t, next, { token: 'token-bob' })), document)
  assert.deepEqual(next.host.saves.entries, [])
})

test('marks that the schema does not have are told of as well', async (t) => {
  const { host } = await startWith(t, 'marks that the contract does not have')
  const { lost } = await host.hook(LOSSY)
  const marks = ['comment', 'strike', 'underline'].map((name) => ({ kind: 'unknown_mark', name }))
  assert.deepEqual(lost, [...marks, { kind: 'unknown_attribute', name: 'paragraph.textAlign' }])
  assert.deepEqual(host.saves.entries, [])
})

test('attributes that the schema does not have stay in the room and are told of, and the draft is written', async (t) => {
  const { engine, host, bob } = await startWith(t, 'attributes that the contract does not have')
  const { lost } = await host.hook(LOSSY)
  assert.ok(lost.length > 0)
  assert.deepEqual(new Set(lost.map(({ kind }) => kind)), new Set(['unknown_attribute']))
  assert.ok(lost.some(({ name }) => name.endsWith('.textAlign')), JSON.stringify(lost))
  assert.equal(lossyRoom(engine), false)
  assert.match(host.texts.get('noise'), /at \[night\]\(https:\/\/ville\.example\)\./)
  assert.match(shown(bob), /textAlign="center"/)
})

test('where it is allowed, the draft has the text, and drafts say when it is over', async (t) => {
  const config = { document: { lossy: 'allow' } }
  const { engine, host, ann, bob } = await startWith(t, 'blocks that the contract does not have', { config })
  const { lost } = await host.hook(LOSSY)
  assert.deepEqual(lost[0], { kind: 'unknown_node', name: 'callout' })
  assert.match(host.texts.get('noise'), /This bylaw protects \*rest\*[^]*\* Emergencies first/)
  assert.equal(lossyRoom(engine), true)
  ann.fragment.delete(0, ann.fragment.length)
  ann.write('Anew.')
  await bob.sees('Anew.')
  await engine.module.snapshot(ROOM)
  assert.deepEqual([host.texts.get('noise'), lossyRoom(engine)], ['Anew.', false])
})

test('where such rooms are refused, who joins later is refused', async (t) => {
  const config = { document: { lossy: 'reject' } }
  const { engine, host } = await startWith(t, 'marks that the contract does not have', { config })
  assert.deepEqual(host.saves.entries, [])
  const late = newEditor(t, engine, { token: 'token-eve' })
  const { code, reason } = await late.closes.first(() => true, 'a refusal')
  assert.equal(code, 4003)
  assert.match(reason, /cannot carry|lossy|PERMISSION_DENIED/)
})
