/** Coming into a room of a host's own type: what the handler is asked with, and what its answers come to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, eventually } from '../support/clients.mjs'
import { createServer } from '../support/servers.mjs'

/** A server with a type whose `onConnect` is this. */
async function setUp(t, onConnect, more = {}, options = {}) {
  const made = await createServer(t, options)
  made.server.registerRoomTypeHandler({ roomType: 'x', ...(onConnect ? { onConnect } : {}), ...more })
  return made
}

test('the context tells who, where from, where to and how', async (t) => {
  const contexts = []
  const { server } = await setUp(t, (context) => {
    contexts.push(context)
    return { success: true }
  })
  const headers = { 'X-Device': 'v2', cookie: 'token=secret' }
  const client = connect(t, server, { room: 'x/a%20b?v=1', headers, protocols: ['civicpress.control.v1'] })
  const { clientId } = await client.acknowledged
  const [{ ws, ...context }] = contexts
  assert.equal(ws, server.connections.get(clientId))
  assert.equal(context.headers['x-device'], 'v2')
  assert.doesNotMatch(JSON.stringify(context.headers), /token/)
  delete context.headers
  assert.deepEqual(context, {
    clientId,
    clientIp: '127.0.0.1',
    token: 'token-ann',
    roomId: 'a b',
    fullRoomId: 'x:a b',
    url: '/realtime/x/a%20b?v=1',
    protocols: ['civicpress.control.v1'],
  })
})

test('the session is checked once, before the handler is asked', async (t) => {
  let asked = 0
  const { core, server } = await setUp(t, async () => {
    asked += 1
    return { success: true }
  })
  assert.equal((await connect(t, server, { room: 'x/1', token: 'old' }).closed).code, 4001)
  assert.equal(asked, 0)
  await connect(t, server, { room: 'x/1', token: 'token-vic' }).acknowledged
  assert.equal(asked, 1)
  assert.equal(core.authService.count('validateSession'), 2)
  const [{ userId, username, role }] = server.getRoomManager().getRoom('x:1').getState().participants
  assert.deepEqual([userId, username, role], [3, 'vic', 'viewer'])
})

test('without onConnect, everybody with a session comes in', async (t) => {
  const { server } = await setUp(t, undefined)
  await connect(t, server, { room: 'x/1', token: 'token-out' }).acknowledged
})

for (const [what, onConnect, code, name, message] of [
  ['says no', () => ({ success: false }), 4003, 'PERMISSION_DENIED', /not allowed/],
  [
    'says why',
    () => ({ success: false, error: 'too late', errorCode: 'AUTH_FAILED' }),
    4001,
    'AUTH_FAILED',
    /too late/,
  ],
  [
    'has codes of its own',
    () => ({ success: false, errorCode: 'BATTERY_LOW' }),
    4003,
    'PERMISSION_DENIED',
    /not allowed/,
  ],
  [
    'throws a no',
    () => {
      throw Object.assign(new Error('no'), { code: 'AUTH_FAILED' })
    },
    4001,
    'AUTH_FAILED',
    /^no$/,
  ],
  [
    'rejects with 401',
    async () => {
      throw Object.assign(new Error('who?'), { statusCode: 401 })
    },
    4001,
    'AUTH_FAILED',
    /who/,
  ],
  [
    'rejects with 403',
    async () => {
      throw Object.assign(new Error('not you'), { statusCode: 403 })
    },
    4003,
    'PERMISSION_DENIED',
    /you/,
  ],
  [
    'throws',
    () => {
      throw new Error('db password')
    },
    4500,
    'HOST_FAILED',
    /could not decide/,
  ],
  [
    'rejects',
    async () => {
      throw new Error('db password')
    },
    4500,
    'HOST_FAILED',
    /could not decide/,
  ],
  ['rejects with nothing', () => Promise.reject(), 4500, 'HOST_FAILED', /could not decide/],
  ['gives nothing', () => {}, 4500, 'HOST_FAILED', /could not decide/],
  ['gives a text', () => 'yes', 4500, 'HOST_FAILED', /could not decide/],
  ['gives neither yes nor no', () => ({ success: 'yes' }), 4500, 'HOST_FAILED', /could not decide/],
  [
    'gives half a device',
    () => ({ success: true, deviceAuth: { deviceId: 1 } }),
    4500,
    'HOST_FAILED',
    /could not decide/,
  ],
  ['gives odd metadata', () => ({ success: true, clientMetadata: 'red' }), 4500, 'HOST_FAILED', /could not decide/],
  [
    'gives a user without id',
    () => ({ success: true, userAuth: { username: 'x' } }),
    4500,
    'HOST_FAILED',
    /could not decide/,
  ],
]) {
  test(`a handler that ${what}: ${code}, and others come in`, async (t) => {
    let isFirst = true
    const { server } = await setUp(t, (context) => {
      if (!isFirst) return { success: true }
      isFirst = false
      return onConnect(context)
    })
    const client = connect(t, server, { room: 'x/1' })
    const closed = await client.closed
    assert.equal(closed.code, code)
    assert.equal(closed.reason.code, name)
    const { error } = client.frames.find(({ event }) => event === 'error')
    assert.equal(error.code, name)
    assert.match(error.message, message)
    assert.doesNotMatch(JSON.stringify(client.frames), /password/)
    await connect(t, server, { room: 'x/1' }).acknowledged
  })
}

test('a handler that never answers keeps nobody but its client waiting', async (t) => {
  const { server } = await setUp(t, () => new Promise(() => {}), {}, { yaml: '  host_timeout: 0.2\n' })
  const client = connect(t, server, { room: 'x/1' })
  await connect(t, server).acknowledged
  const { code, reason } = await client.closed
  assert.deepEqual([code, reason.code], [4500, 'HOST_FAILED'])
})

test('a type that authenticates by itself must say who it let in', async (t) => {
  const { core, server } = await setUp(t, () => ({ success: true }), { authenticatesConnection: true })
  const { code, reason } = await connect(t, server, { room: 'x/1', token: 'anything' }).closed
  assert.deepEqual([code, reason.code, reason.reason], [4001, 'AUTH_FAILED', 'no_identity'])
  assert.equal(core.logger.messages('warn').filter((message) => /without saying who/.test(message)).length, 1)
})

test('numbers of devices become text, and what is missing empty', async (t) => {
  const deviceAuth = { deviceId: 7, deviceUuid: 'u' }
  const { server } = await setUp(t, () => ({ success: true, deviceAuth }), { authenticatesConnection: true })
  const { clientId } = await connect(t, server, { room: 'x/1' }).acknowledged
  assert.deepEqual(server.clientToDevice.get(clientId), { deviceId: '7', deviceUuid: 'u', organizationId: '' })
})

test('what the handler sends at the door arrives once the client is in', async (t) => {
  const { server } = await setUp(t, ({ ws }) => {
    assert.equal(ws.readyState, ws.OPEN)
    assert.equal(ws.send('{"type":"welcome"}'), true)
    assert.equal(ws.send('x'.repeat(100_000)), false)
    return { success: true }
  })
  const client = connect(t, server, { room: 'x/1' })
  await client.frame(({ type }) => type === 'welcome')
  assert.equal(client.frames[0].event, 'connection.ack')
})

test('a handler that closes at the door and says yes closes', async (t) => {
  const { server } = await setUp(t, ({ ws }) => {
    ws.close(4321, 'changed my mind')
    assert.equal(ws.readyState, ws.CLOSING)
    return { success: true }
  })
  const { code, reason } = await connect(t, server, { room: 'x/1' }).closed
  assert.deepEqual([code, reason], [4321, 'changed my mind'])
})

test('the connection of somebody who was refused is closed for good', async (t) => {
  let kept
  const { server } = await setUp(t, ({ ws }) => {
    kept = ws
    return { success: false }
  })
  await connect(t, server, { room: 'x/1' }).closed
  assert.deepEqual([kept.readyState, kept.send('x')], [kept.CLOSED, false])
})

for (const id of ['a%2Fb', 'x%2e%2ey', 'x..y', '%00', '%ff', 'x'.repeat(300)]) {
  test(`the id ${id.slice(0, 12)} is refused before anybody is asked`, async (t) => {
    let asked = 0
    const { server } = await setUp(t, () => {
      asked += 1
      return { success: true }
    })
    const { code, reason } = await connect(t, server, { room: `x/${id}` }).closed
    assert.deepEqual([code, reason.code, asked], [4003, 'INVALID_ID', 0])
  })
}

test('an id of 256 bytes, emoji among them, is an id', async (t) => {
  const id = `🏛${'x'.repeat(252)}`
  const { server } = await setUp(t, ({ roomId }) => ({ success: roomId === id }))
  await connect(t, server, { room: `x/${encodeURIComponent(id)}` }).acknowledged
  assert.equal(server.getRoomManager().getRoom(`x:${id}`).roomId, `x:${id}`)
})

test('a limit that keeps out whom the handler let in leaves nothing behind', async (t) => {
  const { server } = await setUp(t, undefined, {}, { yaml: '  rate_limiting:\n    connections_per_user: 1\n' })
  const first = connect(t, server, { room: 'x/1' })
  const { clientId } = await first.acknowledged
  assert.equal((await connect(t, server, { room: 'x/1' }).closed).code, 4029)
  assert.deepEqual([...server.connections.keys()], [clientId])
  const room = server.getRoomManager().getRoom('x:1')
  assert.deepEqual(
    room.getState().participants.map(({ id }) => id),
    [clientId],
  )
})

test('a client that goes away while the handler thinks comes and goes, in this order', async (t) => {
  let decide
  const seen = []
  const { server } = await setUp(
    t,
    () =>
      new Promise((resolve) => {
        decide = () => resolve({ success: true })
      }),
    {
      onPostConnect: () => seen.push('in'),
      onDisconnect: () => seen.push('out'),
    },
  )
  const client = connect(t, server, { room: 'x/1' })
  await eventually(() => decide, 'the handler is asked')
  client.socket.terminate()
  await client.closed
  decide()
  await eventually(() => seen.length === 2, 'it is over')
  assert.deepEqual(seen, ['in', 'out'])
  await eventually(() => server.connections.size === 0, 'nobody is left')
})
