/** Parts that are switched off. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, textIn, updateOf } from '../support/json-client.mjs'
import { listen, startEngine } from '../support/live-engine.mjs'
import { joinStock } from '../support/stock-client.mjs'

const without = (feature, more = {}) => ({ config: { features: { [feature]: false }, ...more } })

test('without collaborative_editing everybody reads', async (t) => {
  const live = await startEngine(t, without('collaborative_editing'))
  const { client: ann, ack } = await join(t, live)
  assert.equal(ack.readOnly, true)
  ann.send({ type: 'sync', update: base64(updateOf('no')) })
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
  const { room } = await join(t, live, { token: 'token-ben' })
  assert.equal(textIn(room.yjsState), '')
})

test('without presence_tracking nobody sees anybody', async (t) => {
  const live = await startEngine(t, without('presence_tracking'))
  const stock = await joinStock(t, live)
  const { client: ben, room } = await join(t, live, { token: 'token-ben' })
  assert.deepEqual(room.participants.map(({ id }) => id), [2])
  const heard = []
  stock.provider.ws.addEventListener('message', ({ data }) => heard.push(Buffer.from(data)))
  stock.provider.awareness.setLocalState({ user: { name: 'Annie' }, cursor: 1 })
  ben.send({ type: 'presence', event: 'cursor', cursor: 2 })
  const { client: ann2 } = await join(t, live, { token: 'token-ann' })
  ann2.send({ type: 'presence', event: 'cursor', cursor: 3 })
  await ann2.close()
  stock.doc.getText('content').insert(0, 'text goes on')
  await ben.next((frame) => frame.type === 'sync')
  await ben.settle()
  assert.deepEqual(ben.frames.all.filter((frame) => frame.type === 'presence'), [])
  assert.equal(stock.provider.awareness.getStates().size, 1)
  // A query is answered with nothing, and is a barrier for what came before it.
  await stock.changes.first(() => heard.some((frame) => frame[0] === 1), 'its own presence comes back')
  const { client: late } = await join(t, live, { token: 'token-vic' })
  assert.deepEqual((await late.settle()).filter((frame) => frame.type === 'presence'), [])
})

test('without snapshots the log keeps everything', async (t) => {
  const config = without('snapshots', {
    rooms: { grace_period_ms: 0 },
    snapshots: { interval: 0.05, max_updates: 1 },
  })
  const live = await startEngine(t, config)
  const { client: ann } = await join(t, live, { query: '?ack=saved' })
  ann.send({ type: 'sync', update: base64(updateOf('kept')) })
  await ann.control('saved')
  assert.equal((await live.engine.snapshot('records:noise')).snapshotCreated, false)
  await ann.close()
  await live.hooks.first(({ name }) => name === 'realtime:room:destroyed')
  const { room } = await join(t, live)
  assert.equal(textIn(room.yjsState), 'kept')
  assert.equal(live.drafts.size, 0)
  assert.deepEqual(live.hooks.all.filter(({ name }) => name.startsWith('realtime:snapshot')), [])
})

test('without realtime there is nothing to connect to', async (t) => {
  const live = await startEngine(t, { ...without('realtime'), start: false })
  assert.equal(await live.engine.start(), null)
  assert.deepEqual([live.engine.health().status, live.engine.health().listening], ['disabled', null])
  await assert.rejects(live.engine.setPermissions('client_1', {}), { code: 'NOT_RUNNING' })
})

test('all of them are there unless switched off', async (t) => {
  const live = await listen(await startEngine(t, { start: false }))
  const { client: ann, ack } = await join(t, live)
  assert.equal(ack.readOnly, false)
  await join(t, live, { token: 'token-ben' })
  await ann.next((frame) => frame.type === 'presence')
  await connect(t, live).control('connection.ack')
})
