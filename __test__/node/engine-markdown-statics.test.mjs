/** Markdown to updates and back, off Node's thread; tools and tests use it without a server. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { paragraphUpdate, paragraphsOf } from '../support/editor.mjs'
import { RealtimeModule } from '../support/engine.mjs'

const TEXT = 'First paragraph.\n\nSecond paragraph, with é and 🎺.\n\nThird.'

test('paragraphs make the document of the editor, and come back as they were', async () => {
  const update = await RealtimeModule.markdownToUpdate(TEXT)
  assert.ok(Buffer.isBuffer(update))
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  assert.deepEqual(paragraphsOf(doc), TEXT.split('\n\n'))
  assert.equal(doc.getXmlFragment('default').get(0).nodeName, 'paragraph')
  assert.equal((await RealtimeModule.updateToMarkdown(update)).trimEnd(), TEXT)
  assert.equal((await RealtimeModule.updateToMarkdown(new Uint8Array(update))).trimEnd(), TEXT)
})

test('what an editor wrote becomes Markdown', async () => {
  assert.equal((await RealtimeModule.updateToMarkdown(paragraphUpdate('Written by hand.'))).trimEnd(), 'Written by hand.')
})

test('the same text always gives the same update', async () => {
  const [one, two] = await Promise.all([TEXT, TEXT].map((text) => RealtimeModule.markdownToUpdate(text)))
  assert.ok(one.equals(two))
})

test('nothing is a document as well', async () => {
  const update = await RealtimeModule.markdownToUpdate('')
  assert.equal((await RealtimeModule.updateToMarkdown(update)).trim(), '')
  assert.equal((await RealtimeModule.updateToMarkdown(Y.encodeStateAsUpdate(new Y.Doc()))).trim(), '')
})

test('bytes that are no update are refused, quickly and with their code', async () => {
  const good = paragraphUpdate('cut short')
  for (const bytes of [
    [],
    [1],
    [0xff, 0xff, 0xff, 0x7a],
    [0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78],
    good.subarray(0, good.length - 4),
    new TextEncoder().encode('# Markdown'),
  ]) {
    await assert.rejects(() => RealtimeModule.updateToMarkdown(new Uint8Array(bytes)), {
      code: 'INVALID_YJS_UPDATE',
      statusCode: 400,
    })
  }
})

test('arguments of another type are refused', async () => {
  for (const value of [undefined, null, 7, {}, 'text']) {
    await assert.rejects(async () => RealtimeModule.updateToMarkdown(value), Error)
  }
  for (const value of [undefined, null, 7, {}]) {
    await assert.rejects(async () => RealtimeModule.markdownToUpdate(value), Error)
  }
})

test('bytes that are changed after the call do not change its result', async () => {
  const bytes = new Uint8Array(await RealtimeModule.markdownToUpdate(TEXT))
  const result = RealtimeModule.updateToMarkdown(bytes)
  bytes.fill(0xff)
  assert.equal((await result).trimEnd(), TEXT)
})

test('Node goes on while a long text is worked on', async () => {
  const long = Array.from({ length: 5_000 }, (_, number) => `Paragraph ${number}.`).join('\n\n')
  let done = false
  const update = RealtimeModule.markdownToUpdate(long).finally(() => (done = true))
  await new Promise(setImmediate)
  assert.equal(done, false, 'it is not done before anything else runs')
  assert.equal((await RealtimeModule.updateToMarkdown(await update)).trimEnd(), long)
})
