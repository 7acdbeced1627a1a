/** Registering kinds of rooms. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect } from '../support/json-client.mjs'
import { listen, startEngine } from '../support/live-engine.mjs'
import { recordingType } from '../support/recording-type.mjs'

const yes = { connect: () => ({}), message: () => {} }

test('before the start and after it', async (t) => {
  const live = await startEngine(t, { start: false })
  live.engine.registerRoomType('desk', yes)
  await listen(live)
  live.engine.registerRoomType('devices', yes)
  assert.deepEqual(live.engine.roomTypes(), ['desk', 'device', 'records'])
  for (const room of ['desk/1', 'device/1', 'devices/1']) {
    const { roomId } = await connect(t, live, { room }).control('connection.ack')
    assert.equal(roomId, room.replace('devices', 'device').replace('/', ':'))
  }
  assert.deepEqual(
    live.engine.rooms().map(({ roomId, roomType, clients, state }) => ({ roomId, roomType, clients, state })),
    [
      { roomId: 'desk:1', roomType: 'desk', clients: 1, state: 'live' },
      { roomId: 'device:1', roomType: 'device', clients: 2, state: 'live' },
    ],
  )
})

test('a type that is not registered is told with the names of those that are', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('desk', yes)
  const client = connect(t, live, { room: 'table/1' })
  const { error } = await client.control('error')
  assert.match(error.message, /"table".*desk, records/)
  const { code, reason } = await client.closed
  assert.deepEqual([code, reason.code], [4004, 'ROOM_TYPE_NOT_REGISTERED'])
})

test('taken off the list, new ones get 4004 and who is connected stays', async (t) => {
  const live = await startEngine(t)
  const type = recordingType()
  live.engine.registerRoomType('desk', type)
  const here = connect(t, live, { room: 'desk/1' })
  await here.control('connection.ack')
  assert.equal(live.engine.unregisterRoomType('desk'), true)
  assert.equal(live.engine.unregisterRoomType('desk'), false)
  assert.equal((await connect(t, live, { room: 'desk/1' }).closed).code, 4004)
  here.send('still here')
  assert.deepEqual((await type.told.first(([name]) => name === 'message'))[2], 'still here')
  await here.close()
  await type.told.first(([name]) => name === 'left')
})

test('registered again, new connections get the new one', async (t) => {
  const live = await startEngine(t)
  const [before, after] = [recordingType(), recordingType()]
  live.engine.registerRoomType('desk', before)
  const first = connect(t, live, { room: 'desk/1' })
  await first.control('connection.ack')
  live.engine.registerRoomType('desk', after)
  const second = connect(t, live, { room: 'desk/1' })
  await second.control('connection.ack')
  first.send('to the old')
  second.send('to the new')
  assert.equal((await before.told.first(([name]) => name === 'message'))[2], 'to the old')
  assert.equal((await after.told.first(([name]) => name === 'message'))[2], 'to the new')
})

test('names that cannot be one', async (t) => {
  const { engine } = await startEngine(t, { start: false })
  for (const name of ['', 'a/b', '..', '.', 'a\0b', '🏛', 'a b', 'a:b', 'x'.repeat(300), 'records', 'record']) {
    assert.throws(
      () => engine.registerRoomType(name, yes),
      (error) => error.code === 'INVALID_ID' && error.statusCode === 400 && error.message.length < 600,
      JSON.stringify(name),
    )
    assert.equal(engine.unregisterRoomType(name), false)
  }
  assert.deepEqual(engine.roomTypes(), ['records'])
})

test('callbacks that are none', async (t) => {
  const { engine } = await startEngine(t, { start: false })
  for (const [callbacks, key] of [
    [{}, 'callbacks.connect'],
    [{ connect: () => ({}) }, 'callbacks.message'],
    [{ ...yes, connect: 7 }, 'callbacks.connect'],
    [{ ...yes, left: 'x' }, 'callbacks.left'],
    [{ ...yes, authenticates: 'yes' }, 'callbacks.authenticates'],
  ]) {
    assert.throws(
      () => engine.registerRoomType('desk', callbacks),
      (error) => error.code === 'CONFIG_INVALID' && error.context.key === key && error.message.includes(key),
      key,
    )
  }
  assert.throws(() => engine.registerRoomType('desk'))
  engine.registerRoomType('desk', { ...yes, joined: undefined, left: null, authenticates: null })
})

test('at most a hundred', async (t) => {
  const { engine } = await startEngine(t, { start: false })
  for (let number = 0; number < 100; number++) engine.registerRoomType(`t${number}`, yes)
  assert.throws(() => engine.registerRoomType('more', yes), { code: 'CONNECTION_LIMIT_EXCEEDED' })
})

test('ids that cannot be one', async (t) => {
  const live = await startEngine(t)
  live.engine.registerRoomType('desk', yes)
  for (const id of ['a%2Fb', 'a..b', 'a%00b', '%0A', encodeURIComponent('🏛'.repeat(65)), '%FF', 'x'.repeat(257)]) {
    const client = connect(t, live, { room: `desk/${id}` })
    assert.equal((await client.control('error')).error.code, 'INVALID_ID', id)
    assert.equal((await client.closed).code, 4003)
  }
  const { roomId } = await connect(t, live, { room: `desk/${encodeURIComponent('🏛 '.repeat(50))}` }).control(
    'connection.ack',
  )
  assert.equal(roomId, `desk:${'🏛 '.repeat(50)}`)
})
