/** A viewer who speaks JSON. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, join, textIn, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('a viewer’s edit changes nothing, and the viewer sees what is true', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  ann.send({ type: 'sync', update: base64(updateOf('law')) })
  await ann.settle()
  const { client: vic, ack, room } = await join(t, live, { token: 'token-vic' })
  assert.equal(ack.readOnly, true)
  vic.send({ type: 'sync', update: base64(updateOf('graffiti')), version: 0 })
  const { error } = await vic.control('error')
  assert.equal(error.code, 'PERMISSION_DENIED')
  const state = await vic.control('room_state')
  assert.equal(textIn(state.room.yjsState), 'law')
  assert.equal(state.room.version, room.version)
  assert.deepEqual(await vic.settle(), [], 'told once')
  assert.deepEqual((await ann.settle()).filter((frame) => frame.type === 'sync'), [])
  // Whoever goes on trying is refused each time, but is not sent the room each time.
  for (let times = 0; times < 5; times++) vic.send({ type: 'sync', update: base64(updateOf('again')), version: 0 })
  const answers = await vic.settle()
  assert.equal(answers.filter((frame) => frame.event === 'error').length, 5)
  assert.ok(answers.filter((frame) => frame.event === 'room_state').length <= 1)
  vic.send({ type: 'presence', event: 'cursor', cursor: 1 })
  await ann.next((frame) => frame.type === 'presence' && frame.event === 'cursor')
})
