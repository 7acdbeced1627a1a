/** What the host says of a connected client holds before any later frame of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, textIn, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'
import { joinStock } from '../support/stock-client.mjs'

const write = (client, text) => client.send({ type: 'sync', update: base64(updateOf(text)) })
const isSync = (frame) => frame.type === 'sync'

async function written(t, live) {
  const { client, room } = await join(t, live, { token: 'token-vic' })
  await client.close()
  return textIn(room.yjsState)
}

test('the right to edit is lost, and given back', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live)
  assert.equal(await live.engine.setPermissions(ack.clientId, { canEdit: false }), true)
  write(ann, 'too late')
  assert.equal((await ann.control('permission.changed')).readOnly, true)
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
  assert.equal(live.engine.connection(ack.clientId).readOnly, true)
  await ann.control('room_state')
  assert.equal(await written(t, live), '')

  await live.engine.setPermissions(ack.clientId, { canEdit: true })
  assert.equal((await ann.control('permission.changed')).readOnly, false)
  write(ann, 'in time')
  await ann.settle()
  assert.equal(await written(t, live), 'in time')
})

test('what does not change is not told', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live)
  await live.engine.setPermissions(ack.clientId, { canEdit: true, canView: true })
  assert.deepEqual(await ann.settle(), [])
})

test('a client that reads no text becomes read-only all the same', async (t) => {
  const live = await startEngine(t)
  const stock = await joinStock(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  const [{ clientId }] = live.engine.connections().filter(({ userId }) => userId === 1)
  await live.engine.setPermissions(clientId, { canEdit: false })
  stock.doc.getText('content').insert(0, 'too late')
  stock.provider.awareness.setLocalState({ cursor: 1 })
  await ben.next((frame) => frame.type === 'presence' && frame.event === 'cursor')
  assert.ok(!ben.frames.all.some(isSync))
  assert.equal(await written(t, live), '')
})

test('the right to view is lost', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  assert.equal(await live.engine.setPermissions(ack.clientId, { canView: false, canEdit: true }), true)
  write(ann, 'too late')
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'view_not_allowed'])
  await ben.next((frame) => frame.type === 'presence' && frame.event === 'left')
  assert.ok(!ben.frames.all.some(isSync))
})

test('who is gone, or never was', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live)
  await ann.close()
  await live.hooks.first(({ name }) => name === 'realtime:client:disconnected')
  assert.equal(live.engine.connection(ack.clientId), null)
  for (const id of [ack.clientId, 'client_0000000000000000', 'nobody', '']) {
    assert.equal(await live.engine.setPermissions(id, { canEdit: false }), false, id)
  }
})

test('where nobody may edit, nobody is given the right', async (t) => {
  const live = await startEngine(t, { config: { features: { collaborative_editing: false } } })
  const { client: ann, ack } = await join(t, live)
  assert.equal(ack.readOnly, true)
  await live.engine.setPermissions(ack.clientId, { canEdit: true })
  write(ann, 'no')
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
})

test('where only editors may be, whoever loses the right goes', async (t) => {
  const live = await startEngine(t, { config: { auth: { without_edit: 'reject' } } })
  const ann = connect(t, live)
  const { clientId } = await ann.control('connection.ack')
  await live.engine.setPermissions(clientId, { canEdit: false })
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.reason], [4003, 'edit_not_allowed'])
})
