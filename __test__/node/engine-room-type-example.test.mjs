/** `examples/room-type.mjs`: dashboards that count, as the Rust ones do. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { dashboardRooms } from '../../examples/room-type.mjs'
import { connect } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('a dashboard counts for everybody in it', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('dashboard', dashboardRooms(live.engine))
  const enter = (room) => connect(t, live, { room: `dashboard/${room}`, token: null })
  const counts = async (client) => {
    const { count, watching } = await client.next((frame) => frame.type === 'count')
    return [count, watching]
  }
  const ann = enter('lobby')
  assert.deepEqual(await counts(ann), [0, 1])
  const ben = enter('lobby')
  assert.deepEqual([await counts(ben), await counts(ann)], [[0, 2], [0, 2]])
  assert.deepEqual(await counts(enter('hall')), [0, 1])

  ann.send({ type: 'add', by: 2 })
  assert.deepEqual([await counts(ann), await counts(ben)], [[2, 2], [2, 2]])
  for (const wrong of ['nonsense', '{"type":"multiply"}', '{"type":"add","by":"2"}']) {
    ben.send(wrong)
    assert.equal((await ben.control('error')).error.code, 'HOST_FAILED', wrong)
  }
  ben.send(Buffer.from('{"type":"add","by":-5}'))
  assert.deepEqual([await counts(ann), await counts(ben)], [[-3, 2], [-3, 2]])
  await ben.close()
  assert.deepEqual(await counts(ann), [-3, 1])
  assert.equal((await enter('closed').closed).code, 4004)
})
