/** Locked rooms: nobody edits, everybody knows why. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, textIn, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

const write = (client, text) => client.send({ type: 'sync', update: base64(updateOf(text)) })

test('a room is locked under those who are in it, and unlocked again', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const { client: vic } = await join(t, live, { token: 'token-vic' })
  await live.engine.lockRoom('records:noise', 'council votes')
  const changed = await ann.control('permission.changed')
  assert.deepEqual([changed.readOnly, changed.reason], [true, 'council votes'])
  const { notice } = await ann.control('notice')
  assert.deepEqual([notice.level, notice.message], ['info', 'This document is locked: council votes'])
  write(ann, 'no')
  const { error } = await ann.control('error')
  assert.equal(error.code, 'PERMISSION_DENIED')
  assert.match(error.message, /council votes/)
  assert.equal(textIn((await ann.control('room_state')).room.yjsState), '')
  ann.send({ type: 'presence', event: 'cursor', cursor: 1 })
  await vic.next((frame) => frame.type === 'presence' && frame.event === 'cursor')

  await live.engine.unlockRoom('record:noise')
  assert.equal((await ann.control('permission.changed')).readOnly, false)
  write(ann, 'yes')
  const sync = await vic.next((frame) => frame.type === 'sync')
  assert.equal(textIn(sync.update), 'yes')
  write(vic, 'no')
  assert.equal((await vic.control('error')).error.code, 'PERMISSION_DENIED', 'viewers stay viewers')
  assert.deepEqual(vic.frames.all.filter((frame) => frame.event === 'permission.changed'), [])
})

test('who comes while it is locked is told', async (t) => {
  const live = await startEngine(t)
  await live.engine.lockRoom('records:noise')
  assert.equal(live.engine.health().rooms, 0)
  for (const protocols of [[], ['civicpress.json.v1']]) {
    const ann = connect(t, live, { protocols })
    assert.equal((await ann.control('connection.ack')).readOnly, true)
    assert.equal((await ann.control('notice')).notice.message, 'This document is locked: by the host')
  }
  const hello = connect(t, live, { token: null, protocols: ['auth.token-ann'] })
  hello.socket.once('open', () => hello.send({ type: 'hello', protocol: 'civicpress.json.v1' }))
  assert.equal((await hello.control('connection.ack')).readOnly, true)
  assert.match((await hello.control('notice')).notice.message, /locked/)
})

test('a lock outlives the room, and so does its end', async (t) => {
  const live = await startEngine(t, { config: { rooms: { grace_period_ms: 0 } } })
  const { client: first } = await join(t, live)
  await live.engine.lockRoom('records:noise', 'for ever')
  await first.close()
  await live.hooks.first(({ name }) => name === 'realtime:room:destroyed')
  const { client: second, ack } = await join(t, live)
  assert.equal(ack.readOnly, true)
  write(second, 'no')
  assert.equal((await second.control('error')).error.code, 'PERMISSION_DENIED')
  await second.close()
  await live.hooks.count(2, ({ name }) => name === 'realtime:room:destroyed')
  await live.engine.unlockRoom('records:noise')
  assert.equal((await join(t, live)).ack.readOnly, false)
})

test('rights that change while it is locked hold after it', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live)
  const { client: vic, ack: vicAck } = await join(t, live, { token: 'token-vic' })
  await live.engine.lockRoom('records:noise')
  await live.engine.setPermissions(ack.clientId, { canEdit: false })
  await live.engine.setPermissions(vicAck.clientId, { canEdit: true })
  write(vic, 'no')
  assert.equal((await vic.control('error')).error.code, 'PERMISSION_DENIED')
  await ann.settle()
  await live.engine.unlockRoom('records:noise')
  assert.equal((await vic.control('permission.changed')).readOnly, false)
  write(vic, 'yes')
  await ann.next((frame) => frame.type === 'sync')
  write(ann, 'no')
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
})

test('calls at the same time end the same everywhere', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  const calls = Array.from({ length: 20 }, (_, call) =>
    call % 2 ? live.engine.unlockRoom('records:noise') : live.engine.lockRoom('records:noise'),
  )
  await Promise.all(calls)
  await ann.settle()
  const told = ann.frames.all.filter((frame) => frame.event === 'permission.changed').at(-1)?.readOnly ?? false
  const { ack } = await join(t, live)
  assert.equal(ack.readOnly, told)
})

test('only rooms of records can be locked', async (t) => {
  const live = await startEngine(t)
  await assert.rejects(live.engine.lockRoom('desk:1'), { code: 'INVALID_ID' })
  await assert.rejects(live.engine.lockRoom('records:a/b'), { code: 'INVALID_ID' })
  await live.engine.unlockRoom('records:never-locked')
})
