/** Sending somebody away. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'
import { joinStock } from '../support/stock-client.mjs'

const stays = (client) => client.settle()

async function kicked(client, text) {
  const { error } = await client.control('error')
  assert.equal(error.code, 'KICKED')
  const { code, reason } = await client.closed
  assert.deepEqual([code, reason.code], [4003, 'KICKED'])
  if (text) assert.equal(reason.reason, text)
}

test('from one room', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  const { client: here } = await join(t, live, { room: 'records/a' })
  const { client: hereToo } = await join(t, live, { room: 'record/a' })
  const { client: elsewhere } = await join(t, live, { room: 'records/b' })
  const { client: ben } = await join(t, live, { room: 'records/a', token: 'token-ben' })
  assert.equal(live.engine.kick('1', 'off topic', 'record:a'), 2)
  here.send({ type: 'sync', update: base64(updateOf('too late')) })
  await kicked(here, 'off topic')
  await kicked(hereToo, 'off topic')
  await stays(elsewhere)
  await ben.next((frame) => frame.type === 'presence' && frame.event === 'left')
  assert.deepEqual(ben.frames.all.filter((frame) => frame.type === 'sync'), [])
  await join(t, live, { room: 'records/a' })
})

test('from all rooms, those of other types as well', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  const { client: record } = await join(t, live)
  const desk = connect(t, live, { room: 'desk/1' })
  await desk.control('connection.ack')
  const stock = await joinStock(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  assert.equal(live.engine.kick(1), 3)
  await kicked(record, 'by the host')
  await kicked(desk, 'by the host')
  assert.equal((await stock.changes.first((change) => change.closed)).closed, 4003)
  await stays(ben)
})

test('nobody is there', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  assert.equal(live.engine.kick(99), 0)
  assert.equal(live.engine.kick(1, 'x', 'records:elsewhere'), 0)
  assert.throws(() => live.engine.kick(1, 'x', 'records'), { code: 'INVALID_ID' })
  assert.throws(() => live.engine.kick(1.5), { code: 'INVALID_ID' })
  await stays(ann)
})

test('a reason that is too long is left out of the close, and cut at a character in the frame', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  live.engine.kick(1, '🏛'.repeat(1_000))
  const { error } = await ann.control('error')
  assert.match(error.message, /^sent away: (🏛){250}$/u)
  assert.deepEqual((await ann.closed).reason, { code: 'KICKED' })
})
