/** Messages to people. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, join } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'
import { joinStock } from '../support/stock-client.mjs'

const isNotice = (frame) => frame.event === 'notice'

test('to one room', async (t) => {
  const live = await startEngine(t)
  const { client: here } = await join(t, live, { room: 'records/a' })
  const { client: elsewhere } = await join(t, live, { room: 'records/b' })
  assert.equal(await live.engine.notice('Published in another tab', 'warning', 'record:a'), 1)
  assert.deepEqual((await here.control('notice')).notice, { level: 'warning', message: 'Published in another tab' })
  assert.deepEqual((await elsewhere.settle()).filter(isNotice), [])
  assert.equal(await live.engine.notice('x', 'info', 'records:nobody'), 0)
})

test('to all rooms, to those who can read it', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  const { client: ann } = await join(t, live, { room: 'records/a' })
  const desk = connect(t, live, { room: 'desk/1' })
  await desk.control('connection.ack')
  const stock = await joinStock(t, live, { room: 'records/b', token: 'token-ben' })
  assert.equal(await live.engine.notice('Maintenance at noon'), 3)
  for (const client of [ann, desk]) {
    assert.deepEqual((await client.control('notice')).notice, { level: 'info', message: 'Maintenance at noon' })
  }
  assert.deepEqual(stock.changes.all.filter((change) => change.closed), [])
  assert.equal(stock.provider.wsconnected, true)
})

test('of three levels', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  for (const level of ['info', 'warning', 'error']) {
    await live.engine.notice('m', level)
    assert.equal((await ann.control('notice')).notice.level, level)
  }
  await assert.rejects(live.engine.notice('m', 'fatal'), { code: 'INVALID_MESSAGE' })
  await assert.rejects(live.engine.notice('m', 'info', 'nonsense'), { code: 'INVALID_ID' })
})

test('one that is too long is cut at a character', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  await live.engine.notice(`x${'é'.repeat(2_000)}`)
  assert.equal((await ann.control('notice')).notice.message, `x${'é'.repeat(499)}`)
})
