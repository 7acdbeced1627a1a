/** Limits apply to rooms of registered types as to all others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect } from '../support/json-client.mjs'
import { hook } from '../support/live-engine.mjs'
import { withType } from '../support/recording-type.mjs'

async function withLimits(t, config, overrides) {
  const { live, type } = await withType(t, overrides, { config })
  const enter = async (room, token = 'token-ann') => {
    const client = connect(t, live, { room, token })
    const { clientId } = await client.control('connection.ack')
    return { client, clientId }
  }
  const refused = async (room, limit, token = 'token-ann') => {
    const { code, reason } = await connect(t, live, { room, token }).closed
    assert.deepEqual([code, reason.code, reason.limit], [4029, 'CONNECTION_LIMIT_EXCEEDED', limit])
  }
  return { live, type, enter, refused }
}

test('max_rooms counts rooms of all kinds', async (t) => {
  const { live, enter, refused } = await withLimits(t, { rooms: { max_rooms: 2, grace_period_ms: 0 } })
  const record = await enter('records/a')
  const desk = await enter('desk/1')
  await refused('desk/2', 'rooms.max_rooms')
  await refused('records/b', 'rooms.max_rooms')
  await enter('desk/1', 'token-ben')
  await enter('records/a', 'token-ben')
  await desk.client.close()
  await refused('desk/2', 'rooms.max_rooms')
  await record.client.close()
  assert.equal(live.engine.rooms().length, 2)
})

test('a room that is gone makes room for another kind', async (t) => {
  const { live, enter } = await withLimits(t, { rooms: { max_rooms: 1, grace_period_ms: 0 } })
  const desk = await enter('desk/1')
  await desk.client.close()
  await hook(live, 'realtime:room:destroyed', { roomId: 'desk:1' })
  assert.deepEqual(live.engine.rooms(), [])
  const record = await enter('records/a')
  await record.client.close()
  await hook(live, 'realtime:room:destroyed', { roomId: 'records:a' })
  await enter('desk/2')
})

test('connections of a user', async (t) => {
  const { enter, refused } = await withLimits(t, { rate_limiting: { connections_per_user: 2 } })
  await enter('desk/1')
  await enter('records/a')
  await refused('desk/1', 'rate_limiting.connections_per_user')
  await enter('desk/1', 'token-ben')
})

test('connections of users that the type knows, and of nobody in particular', async (t) => {
  const { enter, refused } = await withLimits(
    t,
    { rate_limiting: { connections_per_user: 1, connections_per_ip: 4 } },
    { authenticates: true, connect: ({ token }) => (token ? { user: { id: token } } : {}) },
  )
  await enter('desk/1', 'd1')
  await refused('desk/1', 'rate_limiting.connections_per_user', 'd1')
  for (let nobody = 0; nobody < 3; nobody++) await enter('desk/1', null)
  await refused('desk/1', 'rate_limiting.connections_per_ip', null)
})

test('connections of an address, and altogether', async (t) => {
  const perIp = await withLimits(t, { rate_limiting: { connections_per_ip: 1 } })
  await perIp.enter('desk/1')
  await perIp.refused('desk/1', 'rate_limiting.connections_per_ip', 'token-ben')
  const total = await withLimits(t, { rate_limiting: { max_connections: 1 } })
  await total.enter('desk/1')
  await total.refused('desk/2', 'rate_limiting.max_connections', 'token-ben')
})

for (const [what, data] of Object.entries({ text: 'x', bytes: Buffer.from([7]), 'bytes that look like presence': Buffer.from([1, 1]) })) {
  test(`the eleventh message in a second closes under \`policy: close\`: ${what}`, async (t) => {
    const { type, enter } = await withLimits(t, { rate_limiting: { policy: 'close', messages_per_second: 10 } })
    const { client, clientId } = await enter('desk/1')
    for (let number = 0; number < 40; number++) client.send(data)
    const { code, reason } = await client.closed
    assert.deepEqual([code, reason.code], [1008, 'RATE_LIMIT_EXCEEDED'])
    assert.deepEqual(await type.told.first(([name]) => name === 'left'), ['left', clientId, 'rate_limit'])
    assert.ok(type.of(clientId).filter(([name]) => name === 'message').length < 40)
  })
}

test('shutdown sends everybody away with 4503, and the type hears of it', async (t) => {
  const { live, type, enter } = await withLimits(t, {})
  const { client, clientId } = await enter('desk/1')
  const { client: ben } = await enter('desk/2', 'token-ben')
  await live.engine.shutdown()
  for (const client of [ben]) assert.equal((await client.closed).code, 4503)
  assert.equal((await client.closed).reason.code, 'SERVER_SHUTDOWN')
  assert.deepEqual(await type.told.first(([name, id]) => name === 'left' && id === clientId), ['left', clientId, 'closed_by_server'])
  await live.hooks.count(2, ({ name }) => name === 'realtime:room:destroyed')
})

test('who is at the door when it shuts down is sent away as well', async (t) => {
  const { live, type } = await withLimits(t, {}, { connect: () => new Promise(() => {}) })
  const client = connect(t, live, { room: 'desk/1' })
  await type.told.first(([name]) => name === 'connect')
  await live.engine.shutdown()
  assert.equal((await client.closed).code, 4503)
})
