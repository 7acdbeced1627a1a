/** Presence between JSON clients. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { join } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

const isPresence = (frame) => frame.type === 'presence'
const is = (event) => (frame) => isPresence(frame) && frame.event === event

test('who comes and goes is told to those who are there', async (t) => {
  const live = await startEngine(t)
  const { client: ann, room } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  const joined = await ann.next(isPresence)
  assert.equal(joined.event, 'joined')
  const { color, ...who } = joined.user
  assert.deepEqual(who, { id: 2, name: 'Ben' })
  assert.notEqual(color, room.participants[0].color)
  await ben.close()
  const left = await ann.next(isPresence)
  assert.deepEqual([left.event, left.user], ['left', joined.user])
})

test('a person with two windows comes once and goes once', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const { client: first } = await join(t, live, { token: 'token-ben' })
  await ann.next(is('joined'))
  const { client: second, room } = await join(t, live, { token: 'token-ben' })
  assert.equal(room.participants.length, 2)
  first.send({ type: 'presence', event: 'cursor', cursor: 1 })
  await ann.next(is('cursor'))
  second.send({ type: 'presence', event: 'cursor', cursor: 2 })
  assert.equal((await ann.next(isPresence)).cursor, 2)
  await first.close()
  const gone = await ann.next(isPresence)
  assert.deepEqual([gone.event, gone.user.id, gone.cursor], ['awareness', 2, null])
  await second.close()
  assert.equal((await ann.next(isPresence)).event, 'left')
})

test('a cursor is told with who it is, whatever the client says', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  const forged = { id: 1, name: 'Benedict', color: '#abcdef' }
  ben.send({ type: 'presence', event: 'cursor', user: forged, cursor: { line: 3 } })
  const seen = await ann.next(is('cursor'))
  assert.deepEqual(seen.user, { id: 2, name: 'Benedict', color: '#abcdef' })
  assert.deepEqual(seen.cursor, { line: 3 })
  const { room } = await join(t, live, { token: 'token-vic' })
  assert.ok(room.participants.some(({ id, name }) => id === 2 && name === 'Benedict'))
})

test('an awareness update is passed on as it is', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  // One state: client 5, clock 1, `{"selection":[1,2]}`.
  const state = Buffer.from('{"selection":[1,2]}')
  const update = Buffer.from([1, 5, 1, state.length, ...state]).toString('base64')
  ben.send({ type: 'presence', event: 'awareness', awareness: update })
  const seen = await ann.next(is('awareness'))
  assert.equal(seen.awareness, update)
  assert.equal(seen.user.id, 2)
  // Ann may not speak for what is Ben's.
  ann.send({ type: 'presence', event: 'awareness', awareness: Buffer.from([1, 5, 9, 4, ...Buffer.from('null')]).toString('base64') })
  await ann.settle()
  assert.deepEqual((await ben.settle()).filter(isPresence).filter((frame) => frame.user.id === 1), [])
})

test('somebody may leave and stay connected', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  await ann.next(is('joined'))
  ben.send({ type: 'presence', event: 'left' })
  assert.deepEqual((await ann.next(isPresence)).event, 'left')
  ben.send({ type: 'presence', event: 'joined', user: { name: 'Ben again' } })
  assert.equal((await ann.next(isPresence)).user.name, 'Ben again')
  ben.send({ type: 'presence', event: 'left' })
  assert.equal((await ann.next(isPresence)).event, 'left')
  ben.send({ type: 'presence', event: 'cursor', cursor: 4 })
  assert.equal((await ann.next(isPresence)).cursor, 4, 'and come back')
})

test('presence counts for no message limit', async (t) => {
  const live = await startEngine(t, { config: { rate_limiting: { messages_per_second: 3, policy: 'close' } } })
  const { client: ann } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  for (let cursor = 1; cursor <= 50; cursor++) ben.send({ type: 'presence', event: 'cursor', cursor })
  await ann.next((frame) => isPresence(frame) && frame.cursor === 50)
  await ben.settle()
})
