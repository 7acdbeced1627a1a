/** The door of a room of a registered type. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect } from '../support/json-client.mjs'
import { hook } from '../support/live-engine.mjs'
import { withType } from '../support/recording-type.mjs'

test('the host checks the session first, and the type is told who it is', async (t) => {
  const { live, type } = await withType(t)
  const client = connect(t, live, { room: 'desk/one%20two?x=1', headers: { 'x-device': 'd7', cookie: 'sid=secret' }, protocols: ['chat', 'auth.token-ann'] })
  await client.control('connection.ack')
  const [, request] = await type.told.first(([name]) => name === 'connect')
  const { clientId, headers, ...rest } = request
  assert.match(clientId, /^client_[0-9a-f]{16}$/)
  assert.deepEqual(rest, {
    roomId: 'desk:one two', roomType: 'desk', localId: 'one two', clientIp: '127.0.0.1', token: 'token-ann',
    url: '/realtime/desk/one%20two?x=1', protocols: ['chat'], user: { id: 1, name: 'Ann' },
  })
  assert.equal(headers['x-device'], 'd7')
  assert.ok(!('authorization' in headers || 'cookie' in headers || 'sec-websocket-protocol' in headers))
  for (const [token, code] of [[null, 'AUTH_FAILED'], ['token-nobody', 'AUTH_FAILED']]) {
    const refused = connect(t, live, { room: 'desk/1', token })
    assert.equal((await refused.control('error')).error.code, code)
    assert.equal((await refused.closed).code, 4001)
  }
  assert.equal(type.told.all.filter(([name]) => name === 'connect').length, 1)
})

test('a type that authenticates is alone with it', async (t) => {
  const { live, type } = await withType(t, {
    authenticates: true,
    connect: ({ token }) => (token === 'device-secret' ? { user: { id: 'd7', name: 'Door' } } : { denied: 'AUTH_FAILED' }),
  })
  const client = connect(t, live, { room: 'desk/1', token: 'device-secret' })
  const ack = await client.control('connection.ack')
  assert.deepEqual([ack.user, ack.readOnly], [{ id: 'd7', name: 'Door' }, false])
  assert.equal((await connect(t, live, { room: 'desk/1', token: null }).closed).code, 4001)
  assert.deepEqual(live.asked.all, [], 'the host was not asked')
  const [, request] = type.told.all[0]
  assert.deepEqual([request.token, request.user], ['device-secret', null])
  assert.equal((await hook(live, 'realtime:client:connected')).userId, 'd7')
  const connection = live.engine.connection(ack.clientId)
  assert.deepEqual([connection.userId, connection.roomId, connection.open], ['d7', 'desk:1', true])
})

test('nobody in particular', async (t) => {
  const { live } = await withType(t, { authenticates: true })
  const client = connect(t, live, { room: 'desk/1', token: null })
  const { clientId } = await client.control('connection.ack')
  assert.equal((await hook(live, 'realtime:client:connected')).userId, null)
  assert.equal(live.engine.connection(clientId).userId, clientId)
})

test('a token in the URL is never accepted', async (t) => {
  for (const authenticates of [true, false]) {
    const { live, type } = await withType(t, { authenticates })
    const client = connect(t, live, { room: 'desk/1', query: '?token=SECRET' })
    assert.match((await client.control('error')).error.message, /never accepted/)
    assert.equal((await client.closed).code, 4001)
    assert.deepEqual(type.told.all, [])
  }
})

for (const [code, close] of Object.entries({
  AUTH_FAILED: 4001, SESSION_REVOKED: 4001, PERMISSION_DENIED: 4003, INVALID_ID: 4003, KICKED: 4003,
  ROOM_NOT_FOUND: 4004, ROOM_TYPE_NOT_REGISTERED: 4004, CONNECTION_LIMIT_EXCEEDED: 4029, RATE_LIMIT_EXCEEDED: 1008,
  HOST_FAILED: 4500, INTERNAL_ERROR: 4500, SERVER_SHUTDOWN: 4503,
})) {
  test(`a no with ${code} closes with ${close}`, async (t) => {
    const { live, type } = await withType(t, {
      connect: async () => ({ denied: code, message: 'not today', reason: 'closed_on_sundays' }),
    })
    const client = connect(t, live, { room: 'desk/1', token: null, protocols: ['auth.token-ann'] })
    const { error } = await client.control('error')
    assert.deepEqual([error.code, error.message], [code, 'not today'])
    const end = await client.closed
    assert.equal(end.code, close)
    assert.deepEqual(end.reason, { code, reason: 'closed_on_sundays', message: 'not today' })
    assert.deepEqual(type.told.all.filter(([name]) => name !== 'connect'), [])
  })
}

test('a no of the type’s own making is a PERMISSION_DENIED with it as the reason', async (t) => {
  const { live } = await withType(t, { connect: () => ({ denied: 'DEVICE_UNKNOWN' }) })
  const { code, reason } = await connect(t, live, { room: 'desk/1' }).closed
  assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'DEVICE_UNKNOWN'])
})

for (const [what, answer] of Object.entries({
  throws: () => {
    throw new Error('broken')
  },
  rejects: () => Promise.reject(new Error('broken')),
  'throws no error': () => {
    throw null
  },
  'answers nothing': () => undefined,
  'answers yes': () => true,
  'answers a list': () => [],
  'answers a user without an id': () => ({ user: { name: 'x' } }),
  'answers a user with half an id': () => ({ user: { id: 1.5 } }),
  'answers a no that is a number': () => ({ denied: 4001 }),
  'answers a function': () => () => {},
  'answers an object in itself': () => {
    const answer = {}
    return Object.assign(answer, { user: answer })
  },
  'never answers': () => new Promise(() => {}),
})) {
  test(`a type that ${what} is a fault: 4500`, async (t) => {
    const { live, type } = await withType(t, { connect: answer }, { config: { host_timeout: 0.2 } })
    const client = connect(t, live, { room: 'desk/1' })
    assert.equal((await client.control('error')).error.code, 'HOST_FAILED')
    assert.equal((await client.closed).code, 4500)
    await live.logs.first(({ level, data }) => level === 'error' && data.operation === 'realtime:client:refused')
    assert.deepEqual(type.told.all.filter(([name]) => name !== 'connect'), [])
    assert.deepEqual(live.hooks.all, [])
    assert.deepEqual([live.engine.rooms(), live.engine.connections()], [[], []])
  })
}

test('a type that throws when somebody is in sends them away again', async (t) => {
  const { live, type } = await withType(t, {
    joined: () => {
      throw new Error('no chair')
    },
  })
  const client = connect(t, live, { room: 'desk/1' })
  assert.equal((await client.closed).code, 4500)
  await type.told.first(([name]) => name === 'left')
  await hook(live, 'realtime:room:destroyed')
  assert.deepEqual(live.hooks.all.map(({ name }) => name), [
    'realtime:room:created', 'realtime:client:connected', 'realtime:client:disconnected', 'realtime:room:destroyed',
  ])
})
