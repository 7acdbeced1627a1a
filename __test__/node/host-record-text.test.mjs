/** Which text a room starts from, and where its text is written: the draft comes first. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRecordHost } from '../../dist/record-host.js'
import { createCore } from '../support/core.mjs'

const room = { roomId: 'records:noise', roomType: 'records', localId: 'noise' }

function setUp({ record, draft } = {}) {
  const core = createCore()
  if (record) core.recordManager.add({ id: 'noise', ...record })
  if (draft) core.databaseService.drafts.set('noise', { id: 'noise', type: 'bylaw', ...draft })
  const host = createRecordHost({
    auth: core.authService,
    records: core.recordManager,
    drafts: core.databaseService,
  })
  return { core, host, drafts: core.databaseService }
}

test("the draft's text wins over the published one, an empty text too", async () => {
  const record = { content: 'published' }
  for (const markdown of ['draft', '']) {
    const { host } = setUp({ record, draft: { markdown_body: markdown } })
    assert.deepEqual(await host.load(room), { markdown })
  }
})

test('a draft without a text of its own leaves the published one', async () => {
  const { host } = setUp({ record: { content: 'published' }, draft: { markdown_body: null } })
  assert.deepEqual(await host.load(room), { markdown: 'published' })
})

test('without a draft the published text is read', async () => {
  assert.deepEqual(await setUp({ record: { content: 'published' } }).host.load(room), { markdown: 'published' })
  assert.deepEqual(await setUp({ record: {} }).host.load(room), { markdown: '' })
})

test('a record that is nowhere is null', async () => {
  assert.equal(await setUp().host.load(room), null)
})

test('a source that fails rejects, and never looks like an empty record', async () => {
  const failing = setUp({ record: { content: 'published' } })
  failing.core.recordManager.fail('getRecord')
  await assert.rejects(failing.host.load(room), { message: 'getRecord is broken' })
  failing.core.databaseService.fail('getDraft')
  await assert.rejects(failing.host.load(room), { message: 'getDraft is broken' })
  const odd = setUp({ record: { content: { not: 'text' } } })
  await assert.rejects(odd.host.load(room), {
    code: 'RECORD_UNREADABLE',
    context: { roomId: 'records:noise', recordId: 'noise' },
  })
})

test('a host without drafts reads records', async () => {
  const core = createCore()
  core.recordManager.add({ id: 'noise', content: 'published' })
  const host = createRecordHost({ auth: core.authService, records: core.recordManager, drafts: undefined })
  assert.deepEqual(await host.load(room), { markdown: 'published' })
})

test('a draft that is there gets the text, and nothing else changes', async () => {
  const { host, drafts } = setUp({ record: { content: 'a' }, draft: { markdown_body: 'b', title: 'Kept' } })
  await host.save(room, 'c')
  await host.save(room, '')
  assert.deepEqual(
    drafts.calls.filter(([method]) => method !== 'getDraft'),
    [
      ['updateDraft', 'noise', { markdown_body: 'c' }],
      ['updateDraft', 'noise', { markdown_body: '' }],
    ],
  )
  assert.equal(drafts.drafts.get('noise').title, 'Kept')
})

test('the first draft carries over what the record says of itself', async () => {
  const { host, drafts } = setUp({
    record: { content: 'a', title: 'Noise', workflowState: 'review', metadata: { tags: ['noise'] } },
  })
  await host.save(room, 'b')
  assert.deepEqual(drafts.drafts.get('noise'), {
    id: 'noise',
    title: 'Noise',
    type: 'bylaw',
    status: 'published',
    workflow_state: 'review',
    markdown_body: 'b',
    metadata: '{"tags":["noise"]}',
    author: 'realtime-snapshot',
    created_by: 'realtime-snapshot',
  })
})

test('a record without metadata and workflow state gets a draft without them', async () => {
  const { host, drafts } = setUp({ record: { content: 'a' } })
  await host.save(room, 'b')
  assert.equal(drafts.drafts.get('noise').metadata, null)
  assert.equal('workflow_state' in drafts.drafts.get('noise'), false)
})

test('a draft that somebody else has just created is found by the retry', async () => {
  const { host, drafts } = setUp({ record: { content: 'a' } })
  const { createDraft } = drafts
  drafts.createDraft = async (draft) => {
    await createDraft.call(drafts, { ...draft, author: 'ann', markdown_body: 'theirs' })
    return createDraft.call(drafts, draft)
  }
  await assert.rejects(host.save(room, 'b'))
  await host.save(room, 'b')
  assert.deepEqual([drafts.drafts.get('noise').author, drafts.drafts.get('noise').markdown_body], ['ann', 'b'])
})

test('a record that is gone is an error, so that the text is kept', async () => {
  await assert.rejects(setUp().host.save(room, 'b'), { code: 'RECORD_UNREADABLE' })
})
