/** A record in an editor with another schema, by the host's codec: `examples/tiptap-codec.mjs`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'

import { RealtimeModule, TestHost, never } from '../support/engine.mjs'
import { CodecHost, codec, openTiptap, startTiptap, typeAfter } from '../support/tiptap.mjs'

const ROOM = 'records:noise'
const TEXT = '# Noise\n\nQuiet *please*.\\\nAt night.\n\n* one\n\n* two'

function hostWith(text = TEXT) {
  const host = new CodecHost()
  host.texts.set('noise', text)
  return host
}

test('the editor gets its own schema, and the host its Markdown', async (t) => {
  const host = hostWith()
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  assert.equal(ann.markdown(), TEXT)
  const names = ann.fragment.toArray().map(({ nodeName }) => nodeName)
  assert.deepEqual(names, ['heading', 'paragraph', 'bulletList'])
  assert.equal(ann.fragment.get(0).getAttribute('level'), 1)

  typeAfter(ann, 'two', ' and a half')
  await ben.shows(`${TEXT} and a half`)
  await engine.module.snapshot(ROOM)
  assert.deepEqual(host.saves.entries, [{ id: 'noise', markdown: `${TEXT} and a half` }])
})

test('a record that was only looked at is not written', async (t) => {
  // The codec spells it otherwise, and loses nothing.
  const host = hostWith('Noise\n=====\n\n- one\n- __two__')
  const engine = await startTiptap(t, { host, config: { rooms: { grace_period_ms: 0 } } })
  const ann = await openTiptap(t, engine)
  assert.equal(ann.markdown(), '# Noise\n\n* one\n\n* **two**')
  assert.equal(engine.module.rooms()[0].lossy, false)
  ann.leave()
  await host.hook('realtime:room:destroyed')
  assert.deepEqual(host.saves.entries, [])
})

test('an async codec is waited for', async (t) => {
  const host = hostWith()
  host.toMarkdown = async (update) => codec.toMarkdown(update)
  host.fromMarkdown = async (markdown) => codec.fromMarkdown(markdown)
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  typeAfter(ann, 'Noise', ' rules')
  await ben.shows(TEXT.replace('Noise', 'Noise rules'))
  await engine.module.snapshot(ROOM)
  assert.equal(host.texts.get('noise'), TEXT.replace('Noise', 'Noise rules'))
})

test('a codec may be an object of a class, and give a view into a larger buffer', async (t) => {
  class Codec {
    #calls = 0
    toMarkdown(update) {
      this.#calls += 1
      assert.ok(update instanceof Uint8Array)
      return codec.toMarkdown(update)
    }
    fromMarkdown(markdown) {
      this.#calls += 1
      const update = codec.fromMarkdown(markdown)
      const larger = new Uint8Array(update.length + 20).fill(255)
      larger.set(update, 7)
      return larger.subarray(7, 7 + update.length)
    }
  }
  const host = hostWith()
  const callbacks = host.callbacks.bind(host)
  host.callbacks = () => ({ ...callbacks(), codec: new Codec() })
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  assert.equal(ann.markdown(), TEXT)
})

/** Ann has written a word that nobody has saved yet, and Ben sees it. */
async function startPairThatTypes(t) {
  const host = hostWith()
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  typeAfter(ann, 'one', ' here')
  await ben.shows(TEXT.replace('one', 'one here'))
  return { host, engine, ann, ben }
}

test('an edit made elsewhere meanwhile is merged into what is typed here', async (t) => {
  const { host, engine, ann, ben } = await startPairThatTypes(t)
  host.texts.set('noise', TEXT.replace('# Noise', '## Noise there').replace('two', 'two\n\n* three'))
  await engine.module.recordChanged('noise')
  const merged = '## Noise there\n\nQuiet *please*.\\\nAt night.\n\n* one here\n\n* two\n\n* three'
  await ann.shows(merged)
  await ben.shows(merged)
  const { added, removed } = await host.hook('realtime:room:merged')
  assert.deepEqual([added, removed], [2, 0])
})

test('a draft finds what was changed elsewhere, and has both', async (t) => {
  const { host, engine } = await startPairThatTypes(t)
  host.texts.set('noise', TEXT.replace('two', 'two there'))
  await engine.module.snapshot(ROOM)
  const { markdown } = await host.saves.first(() => true)
  assert.equal(markdown, TEXT.replace('one', 'one here').replace('two', 'two there'))
})

test('an edit made while the room was not in memory is merged when it is loaded', async (t) => {
  const host = hostWith()
  const first = await startTiptap(t, { host })
  const ann = await openTiptap(t, first)
  const ben = await openTiptap(t, first, { token: 'token-ben' })
  typeAfter(ann, 'one', ' here')
  await ben.shows(TEXT.replace('one', 'one here'))
  await first.module.shutdown()
  ann.provider.disconnect()
  ben.leave()
  const drafted = host.texts.get('noise')
  assert.equal(drafted, TEXT.replace('one', 'one here'))
  host.texts.set('noise', drafted.replace('two', 'two there'))

  const second = await startTiptap(t, { host, folder: first.folder })
  const cleo = await openTiptap(t, second, { token: 'token-cleo' })
  assert.equal(cleo.markdown(), TEXT.replace('one', 'one here').replace('two', 'two there'))
  // Somebody who comes back with the document of before has nothing twice.
  Y.applyUpdate(cleo.doc, Y.encodeStateAsUpdate(ann.doc))
  assert.equal(cleo.markdown(), TEXT.replace('one', 'one here').replace('two', 'two there'))
})

test('a record that the schema cannot carry is read-only, and the same one for whoever comes back', async (t) => {
  const text = 'a\n\n<div>b</div>\n\nc'
  const host = hostWith(text)
  const config = { rooms: { grace_period_ms: 0 } }
  const engine = await startTiptap(t, { host, config })
  const ann = await openTiptap(t, engine)
  const { lost } = await host.hook('realtime:room:lossy')
  assert.deepEqual(lost, [{ firstLine: 3, lastLine: 3, kind: 'html_block' }])
  typeAfter(ann, 'a', ' and more')
  ann.provider.disconnect()
  await host.hook('realtime:room:destroyed')
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  assert.equal(ben.markdown(), 'a\n\nc')
  Y.applyUpdate(ben.doc, Y.encodeStateAsUpdate(ann.doc))
  assert.equal(ben.markdown(), 'a and more\n\nc')
  assert.deepEqual(host.saves.entries, [])
  assert.equal(host.texts.get('noise'), text)
})

test('a long record goes through', async (t) => {
  const paragraph = 'The council meets on Tuesday, and everybody is welcome. '.repeat(20).trim()
  const text = Array.from({ length: 500 }, (_, number) => `${paragraph} ${number}`).join('\n\n')
  const host = hostWith(text)
  const engine = await startTiptap(t, { host })
  const ann = await openTiptap(t, engine)
  const ben = await openTiptap(t, engine, { token: 'token-ben' })
  typeAfter(ann, ' 250', ' here')
  await ben.until(() => ben.fragment.get(250).toString().includes(' 250 here'))
  host.texts.set('noise', text.replace(' 450', ' 450 there'))
  await engine.module.snapshot(ROOM)
  const { markdown } = await host.saves.first(() => true)
  assert.equal(markdown, text.replace(' 250', ' 250 here').replace(' 450', ' 450 there'))
})

test('what is no codec is refused at once', () => {
  const refused = (codec, message) => {
    const host = { ...new TestHost().callbacks(), codec }
    assert.throws(
      () => new RealtimeModule({ port: 0 }, host),
      (error) => error.code === 'CONFIG_INVALID' && message.test(error.message),
    )
  }
  refused(7, /host\.codec is a? ?number; expected an object/)
  refused({ toMarkdown: () => '' }, /host\.codec\.fromMarkdown is missing; expected a function/)
  refused({ toMarkdown: 'x', fromMarkdown: () => never }, /host\.codec\.toMarkdown is string; expected a function/)
})
