/** What is edited in a room becomes a draft of its record; what is only looked at does not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRealtimeServer, RealtimeModule } from '@civicpress/realtime'
import * as Y from 'yjs'

import { connect, edit, eventually } from '../support/clients.mjs'
import { createCore, createDataDir } from '../support/core.mjs'

async function setUp(t, core = createCore()) {
  core.recordManager.add({ id: 'noise', content: 'Quiet please.\n', metadata: { tags: ['noise'] } })
  const server = createRealtimeServer(core, await createDataDir(t))
  t.after(() => server.shutdown())
  await server.initialize()
  return { core, server, drafts: core.databaseService }
}

/** Adds a paragraph at the end, as an editor over `y-prosemirror` does. */
function write(doc, text) {
  doc.transact(() => {
    const paragraph = new Y.XmlElement('paragraph')
    paragraph.insert(0, [new Y.XmlText(text)])
    const fragment = doc.getXmlFragment('default')
    fragment.insert(fragment.length, [paragraph])
  })
}

/** The room's text as it is saved; a snapshot now may come before the client's last frame. */
async function savedText(server, drafts, part) {
  return eventually(async () => {
    await server.triggerRecordSnapshot('noise')
    const text = drafts.drafts.get('noise')?.markdown_body
    return text?.includes(part) && text
  }, `a draft with ${JSON.stringify(part)}`)
}

test('an edit becomes a draft, which keeps what the record said', async (t) => {
  const { server, drafts } = await setUp(t)
  const { doc } = await edit(t, server)
  write(doc, 'Dogs may bark.')
  assert.match(await savedText(server, drafts, 'bark'), /Quiet please\./)
  const { author, created_by, metadata, type } = drafts.drafts.get('noise')
  assert.deepEqual([author, created_by], ['realtime-snapshot', 'realtime-snapshot'])
  assert.deepEqual([metadata, type], ['{"tags":["noise"]}', 'bylaw'])
  write(doc, 'Cats may not.')
  await savedText(server, drafts, 'Cats')
  assert.equal(drafts.count('createDraft'), 1)
})

test('a snapshot tells its version, and makes none when there is nothing new', async (t) => {
  const { server, drafts } = await setUp(t)
  const { doc } = await edit(t, server)
  write(doc, 'Dogs may bark.')
  await savedText(server, drafts, 'bark')
  const calls = drafts.calls.length
  const { snapshotCreated, version } = await server.triggerRecordSnapshot('noise')
  assert.equal(snapshotCreated, false)
  assert.ok(version >= 1)
  assert.equal(drafts.calls.length, calls)
})

test('a room starts from the draft, not from the older published text', async (t) => {
  const core = createCore()
  core.databaseService.drafts.set('noise', { id: 'noise', type: 'bylaw', markdown_body: 'Drafted.\n' })
  const { server } = await setUp(t, core)
  const { doc } = await edit(t, server)
  assert.match(await RealtimeModule.updateToMarkdown(Y.encodeStateAsUpdate(doc)), /^Drafted\.\s*$/)
})

test('looking at a record writes nothing', async (t) => {
  const { server, drafts } = await setUp(t)
  const viewer = connect(t, server, { token: 'token-vic' })
  assert.equal((await viewer.acknowledged).readOnly, true)
  await server.triggerRecordSnapshot('noise')
  await server.shutdown()
  assert.equal(drafts.count('createDraft') + drafts.count('updateDraft'), 0)
})

test('unsaved edits are in the draft after a shutdown', async (t) => {
  const { server, drafts } = await setUp(t)
  const { doc } = await edit(t, server)
  const other = await edit(t, server, { token: 'token-ben' })
  const arrived = new Promise((resolve) => other.doc.once('update', resolve))
  write(doc, 'Dogs may bark.')
  await arrived
  await server.shutdown()
  assert.match(drafts.drafts.get('noise').markdown_body, /bark/)
})

test('a draft that cannot be written is tried again until it can', async (t) => {
  const { core, server, drafts } = await setUp(t)
  drafts.fail('createDraft')
  const { doc } = await edit(t, server)
  write(doc, 'Dogs may bark.')
  const HOOK = 'realtime:snapshot:writeback-failed'
  await eventually(async () => {
    await server.triggerRecordSnapshot('noise')
    return core.hookSystem.emitted(HOOK).length > 0
  }, HOOK)
  const { roomId, recordId, stage, timestamp, correlationId } = core.hookSystem.emitted(HOOK)[0]
  assert.deepEqual({ roomId, recordId, stage }, { roomId: 'records:noise', recordId: 'noise', stage: 'draft' })
  assert.ok(timestamp > 0 && correlationId)
  drafts.heal('createDraft')
  await eventually(() => drafts.drafts.get('noise')?.markdown_body.includes('bark'), 'the draft')
})

test('a host without a database keeps the text in its snapshots', async (t) => {
  const core = createCore()
  delete core.databaseService
  const { server } = await setUp(t, core)
  const { doc } = await edit(t, server)
  write(doc, 'Dogs may bark.')
  const made = await eventually(async () => {
    const result = await server.triggerRecordSnapshot('noise')
    return result.snapshotCreated && result
  }, 'a snapshot')
  assert.ok(made.version >= 1)
})
