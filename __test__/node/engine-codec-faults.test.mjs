/** The host's codec fails: the error says which function and what would be right, and no text is lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'

import { newEditor } from '../support/editor.mjs'
import { never } from '../support/engine.mjs'
import { CodecHost, codec, openTiptap, startTiptap, typeAfter } from '../support/tiptap.mjs'

const ROOM = 'records:noise'
const FAILED = 'realtime:snapshot:writeback-failed'

/** An update of a document that one function fills. */
function updateOf(fill) {
  const doc = new Y.Doc()
  fill(doc)
  return Y.encodeStateAsUpdate(doc)
}

/** A change without the document that it belongs to. */
function halfAnUpdate() {
  const doc = new Y.Doc()
  doc.getXmlFragment('default').insert(0, [new Y.XmlElement('paragraph')])
  const before = Y.encodeStateVector(doc)
  doc.getXmlFragment('default').get(0).insert(0, [new Y.XmlText('a')])
  return Y.encodeStateAsUpdate(doc, before)
}

const unusable = {
  'throws': [() => { throw new Error('no such node') }, /`codec\.fromMarkdown` failed: no such node/],
  'rejects': [() => Promise.reject(new Error('later')), /`codec\.fromMarkdown` failed: later/],
  'never ends': [() => never, /`codec\.fromMarkdown` did not answer within 0\.3 s \(`host_timeout`\)/],
  'gives nothing': [() => undefined, /`codec\.fromMarkdown` .* undefined; expected a Uint8Array/],
  'gives a text': [() => 'text', /`codec\.fromMarkdown` .* a string; expected a Uint8Array/],
  'gives a list': [() => [0, 0], /`codec\.fromMarkdown` .* an array; expected a Uint8Array/],
  'gives wider numbers': [() => new Uint16Array(2), /`codec\.fromMarkdown` .* another typed array; expected a Uint8Array/],
  'gives noise': [() => new Uint8Array([1, 2, 3]), /`codec\.fromMarkdown` .*expected a Yjs update \(version 1\)/],
  'gives no bytes': [() => new Uint8Array(), /`codec\.fromMarkdown` .*expected a Yjs update/],
  'gives half a document': [halfAnUpdate, /builds on changes that it does not have; expected a Yjs update/],
  'writes elsewhere': [
    () => updateOf((doc) => doc.getXmlFragment('prosemirror').insert(0, [new Y.XmlElement('paragraph')])),
    /has content in "prosemirror"; expected .* in the XML fragment `default`/,
  ],
  'writes a text': [
    () => updateOf((doc) => doc.getText('default').insert(0, 'a')),
    /no tree of XML elements and texts .*; expected .* in the XML fragment `default`/,
  ],
}

for (const [name, [fromMarkdown, message]] of Object.entries(unusable)) {
  test(`a record is not opened when fromMarkdown ${name}`, async (t) => {
    const host = new CodecHost()
    host.fromMarkdown = fromMarkdown
    const engine = await startTiptap(t, { host, config: { host_timeout: 0.3 } })
    const ann = newEditor(t, engine)
    const { code } = await ann.closes.first(() => true)
    assert.equal(code, 4500)
    const line = await host.logs.first(({ level, message: text }) => level === 'warn' && message.test(text))
    assert.equal(line.data.code, 'HOST_FAILED')
    assert.equal(ann.fragment.length, 0)
    // As soon as it works, the record is there.
    host.fromMarkdown = CodecHost.prototype.fromMarkdown
    await ann.synced()
    await ann.sees('Noise at night.')
    assert.deepEqual(host.saves.entries, [])
  })
}

const unreadable = {
  'throws': [() => { throw new Error('no such mark') }, /`codec\.toMarkdown` failed: no such mark/],
  'never ends': [() => never, /`codec\.toMarkdown` did not answer within 0\.3 s \(`host_timeout`\)/],
  'gives bytes': [() => new Uint8Array([97]), /`codec\.toMarkdown` .* another typed array; expected a string/],
  'gives null': [() => null, /`codec\.toMarkdown` .* null; expected a string/],
}

for (const [name, [toMarkdown, message]] of Object.entries(unreadable)) {
  test(`a draft waits when toMarkdown ${name}, and editing goes on`, async (t) => {
    const host = new CodecHost()
    const engine = await startTiptap(t, { host, config: { host_timeout: 0.3 } })
    const ann = await openTiptap(t, engine)
    const ben = await openTiptap(t, engine, { token: 'token-ben' })
    host.toMarkdown = toMarkdown
    typeAfter(ann, 'Noise', ' here')
    await ben.shows('Noise here at night.')
    const { snapshotCreated } = await engine.module.snapshot(ROOM)
    assert.equal(snapshotCreated, true)
    const { stage, error } = await host.hook(FAILED)
    assert.equal(stage, 'serialize')
    assert.match(error, message)
    assert.deepEqual(host.saves.entries, [])
    typeAfter(ben, 'here', ' and there')
    await ann.shows('Noise here and there at night.')
    host.toMarkdown = CodecHost.prototype.toMarkdown
    await host.saves.first(({ markdown }) => markdown === 'Noise here and there at night.')
  })
}

test('an edit made elsewhere that cannot be read is not written over', async (t) => {
  const host = new CodecHost()
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  typeAfter(ann, 'Noise', ' here')
  await ben.shows('Noise here at night.')
  host.texts.set('noise', 'Noise at night, there.')
  host.fromMarkdown = () => {
    throw new Error('no such node')
  }
  await engine.module.snapshot(ROOM)
  const { stage, error } = await host.hook(FAILED)
  assert.equal(stage, 'merge')
  assert.match(error, /`codec\.fromMarkdown` failed: no such node/)
  await engine.module.recordChanged('noise')
  await host.hooks.atLeast(2, ({ name }) => name === FAILED)
  assert.deepEqual([host.texts.get('noise'), host.saves.entries], ['Noise at night, there.', []])
  assert.equal(ann.markdown(), 'Noise here at night.')

  host.fromMarkdown = CodecHost.prototype.fromMarkdown
  const { markdown } = await host.saves.first(() => true)
  assert.equal(markdown, 'Noise here at night, there.')
})

test('a room with history opens although an edit made elsewhere cannot be read', async (t) => {
  const host = new CodecHost()
  const first = await startTiptap(t, { host })
  const ann = await openTiptap(t, first)
  const ben = await openTiptap(t, first, { token: 'token-ben' })
  typeAfter(ann, 'Noise', ' here')
  await ben.shows('Noise here at night.')
  await first.module.shutdown()
  ann.leave()
  ben.leave()
  host.texts.set('noise', 'Noise here at night, there.')
  host.fromMarkdown = () => Promise.reject(new Error('busy'))

  const second = await startTiptap(t, { host, folder: first.folder })
  const cleo = await openTiptap(t, second, { token: 'token-cleo' })
  assert.equal(cleo.markdown(), 'Noise here at night.')
  const { stage } = await host.hook(FAILED)
  assert.equal(stage, 'merge')
  host.fromMarkdown = CodecHost.prototype.fromMarkdown
  await second.module.recordChanged('noise')
  await cleo.shows('Noise here at night, there.')
})

test('a codec that writes something else than it reads makes records read-only', async (t) => {
  const host = new CodecHost()
  host.toMarkdown = (update) => codec.toMarkdown(update).replace('Noise', '')
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const { lost } = await host.hook('realtime:room:lossy')
  assert.deepEqual(lost, [{ firstLine: 1, lastLine: 1, kind: 'structure' }])
  typeAfter(ann, 'Noise', ' here')
  await engine.module.snapshot(ROOM)
  assert.deepEqual(host.saves.entries, [])
})

test('a codec that hangs holds no shutdown up beyond its timeout, and what was typed is kept', async (t) => {
  const host = new CodecHost()
  const config = { shutdown_timeout: 1 }
  const engine = await startTiptap(t, { host, config })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  let asked
  const hangs = new Promise((resolve) => (asked = resolve))
  host.toMarkdown = () => (asked(), never)
  typeAfter(ann, 'Noise', ' here')
  await ben.shows('Noise here at night.')
  const ended = engine.module.shutdown()
  await hangs
  await ended
  ann.leave()
  ben.leave()
  assert.deepEqual(host.saves.entries, [])

  host.toMarkdown = CodecHost.prototype.toMarkdown
  const second = await startTiptap(t, { host, folder: engine.folder })
  const cleo = await openTiptap(t, second, { token: 'token-cleo' })
  assert.equal(cleo.markdown(), 'Noise here at night.')
})
