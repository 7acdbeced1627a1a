/** Messages in rooms of a host's own type: what the handler is given, and what its failures come to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, eventually } from '../support/clients.mjs'
import { createServer } from '../support/servers.mjs'

/** A server with a type that has these methods, and a client in a room of it. */
async function setUp(t, methods) {
  const { core, server } = await createServer(t)
  server.registerRoomTypeHandler({ roomType: 'x', ...methods })
  const client = connect(t, server, { room: 'x/1' })
  const { clientId } = await client.acknowledged
  return { core, server, client, clientId }
}

const isError = ({ event }) => event === 'error'

test('a message comes with its bytes, its room, and who sent it', async (t) => {
  const contexts = []
  const { server, client, clientId } = await setUp(t, {
    onConnect: () => ({ success: true, clientMetadata: { colour: 'red' } }),
    onMessage: (context) => {
      contexts.push(context)
      context.ws.send('{"type":"done"}')
    },
  })
  client.socket.send('{"type":"a","n":[1]}')
  await client.frame(({ type }) => type === 'done')
  const [context] = contexts
  assert.deepEqual(context.message, { type: 'a', n: [1] })
  assert.ok(Buffer.isBuffer(context.rawData))
  assert.equal(String(context.rawData), '{"type":"a","n":[1]}')
  assert.equal(context.clientId, clientId)
  assert.equal(context.ws, server.connections.get(clientId))
  assert.equal(context.room, server.getRoomManager().getRoom('x:1'))
  assert.equal(context.auth.success, true)
  assert.equal(context.auth.clientMetadata.colour, 'red')
  assert.equal(context.auth.clientMetadata.username, 'ann')
})

test('a binary frame is its JSON, or its bytes', async (t) => {
  const messages = []
  const { client } = await setUp(t, { onMessage: ({ message }) => messages.push(message) })
  client.socket.send(Buffer.from('{"type":"a"}'))
  client.socket.send(Buffer.from([0xff, 0, 1]))
  await eventually(() => messages.length === 2, 'both are there')
  assert.deepEqual(messages, [{ type: 'a' }, Buffer.from([0xff, 0, 1])])
})

test('a text that is no JSON is told so, and the handler does not see it', async (t) => {
  const messages = []
  const { client } = await setUp(t, { onMessage: ({ message }) => messages.push(message) })
  client.socket.send('{"type":')
  assert.equal((await client.frame(isError)).error.code, 'INVALID_MESSAGE')
  client.say({ type: 'a' })
  await eventually(() => messages.length === 1, 'the good one is there')
  assert.deepEqual(messages, [{ type: 'a' }])
})

test('pings are answered without the handler', async (t) => {
  const { client } = await setUp(t, { onMessage: () => assert.fail('a ping') })
  client.say({ type: 'ping' })
  assert.ok((await client.frame(({ type }) => type === 'pong')).timestamp > 0)
})

test('a room without onMessage says that it expects none', async (t) => {
  const { client } = await setUp(t, {})
  client.say({ type: 'a' })
  assert.equal((await client.frame(isError)).error.code, 'INVALID_MESSAGE')
})

test('answers reach one, everybody, or everybody else', async (t) => {
  const { server, client, clientId } = await setUp(t, {
    onMessage: ({ message, clientId, sendToClient, broadcastToRoom }) => {
      if (message.to) sendToClient(message.to, { type: 'one' })
      else broadcastToRoom({ type: message.type }, message.type === 'others' ? clientId : undefined)
    },
  })
  const other = connect(t, server, { room: 'x/1', token: 'token-ben' })
  const elsewhere = connect(t, server, { room: 'x/2', token: 'token-vic' })
  await Promise.all([other.acknowledged, elsewhere.acknowledged])
  other.say({ type: 'to', to: clientId })
  await client.frame(({ type }) => type === 'one')
  client.say({ type: 'others' })
  await other.frame(({ type }) => type === 'others')
  client.say({ type: 'all' })
  await Promise.all([client, other].map(({ frame }) => frame(({ type }) => type === 'all')))
  const types = ({ frames }) => frames.map(({ type, event }) => event ?? type)
  assert.deepEqual(types(client), ['connection.ack', 'one', 'all'])
  assert.deepEqual(types(other), ['connection.ack', 'others', 'all'])
  assert.deepEqual(types(elsewhere), ['connection.ack'])
})

test('bytes are sent as they are', async (t) => {
  const { client } = await setUp(t, {
    onMessage: ({ clientId, sendToClient }) => sendToClient(clientId, Uint8Array.of(1, 2)),
  })
  const binary = new Promise((resolve) =>
    client.socket.on('message', (data, isBinary) => isBinary && resolve([...data])),
  )
  client.say({ type: 'a' })
  assert.deepEqual(await binary, [1, 2])
})

test('sending to somebody who is gone, or never was, does nothing', async (t) => {
  let gone
  const { server, client } = await setUp(t, {
    onMessage: ({ sendToClient, broadcastToRoom, ws }) => {
      for (const id of [gone, 'client_0', 'nobody', '', undefined]) sendToClient(id, { type: 'a' })
      broadcastToRoom({ type: 'a' }, 'nobody')
      ws.send('{"type":"done"}')
    },
  })
  const other = connect(t, server, { room: 'x/1', token: 'token-ben' })
  gone = (await other.acknowledged).clientId
  const ghost = server.connections.get(gone)
  other.socket.close()
  await eventually(() => ghost.readyState === 3, 'the other is gone')
  client.say({ type: 'go' })
  await client.frame(({ type }) => type === 'done')
})

test('an error of the handler is told, with its code if it has one', async (t) => {
  const { client } = await setUp(t, {
    onMessage: ({ sendError }) => {
      sendError(Object.assign(new Error('empty battery'), { code: 'BATTERY', statusCode: 409 }))
      sendError(new Error('no code'))
    },
  })
  client.say({ type: 'a' })
  const { error } = await client.frame((frame) => isError(frame) && frame.error.code !== 'BATTERY')
  assert.deepEqual([error.code, error.message], ['INTERNAL_ERROR', 'no code'])
  const told = client.frames.find(isError).error
  assert.deepEqual([told.code, told.message, told.statusCode], ['BATTERY', 'empty battery', 409])
  assert.match(told.correlationId, /^err_/)
})

for (const [what, onMessage, code, logged = /onMessage failed/] of [
  [
    'throws',
    () => {
      throw new Error('db password')
    },
    'HOST_FAILED',
  ],
  [
    'rejects',
    async () => {
      throw new Error('db password')
    },
    'HOST_FAILED',
  ],
  ['rejects with nothing', () => Promise.reject(), 'HOST_FAILED'],
  ['rejects with what cannot be shown', () => Promise.reject(Object.create(null)), 'HOST_FAILED'],
  ['tells what cannot be shown', ({ sendError }) => sendError(Object.create(null)), 'INTERNAL_ERROR', null],
  [
    'rejects with what cannot even be looked at',
    () => Promise.reject(new Proxy({}, { get: () => assert.fail('no'), getPrototypeOf: () => assert.fail('no') })),
    'HOST_FAILED',
  ],
  [
    'rejects with a code',
    async () => {
      throw Object.assign(new Error('no'), { code: 'NOT_NOW' })
    },
    'NOT_NOW',
  ],
  ['sends what cannot be sent', ({ sendToClient, clientId }) => sendToClient(clientId, () => {}), 'HOST_FAILED'],
  ['broadcasts a circle', ({ broadcastToRoom, room }) => broadcastToRoom(Object.assign(room, { room })), 'HOST_FAILED'],
]) {
  test(`a handler that ${what} is told to its client, logged, and called again`, async (t) => {
    let isFirst = true
    const { core, server, client } = await setUp(t, {
      onMessage: (context) => {
        if (!isFirst) return context.ws.send('{"type":"fine"}')
        isFirst = false
        return onMessage(context)
      },
    })
    const other = connect(t, server, { room: 'x/1', token: 'token-ben' })
    await other.acknowledged
    client.say({ type: 'a' })
    const { error } = await client.frame(isError)
    assert.equal(error.code, code)
    assert.doesNotMatch(error.message, /password/)
    if (logged) assert.ok(core.logger.messages('warn').some((message) => logged.test(message)))
    client.say({ type: 'b' })
    await client.frame(({ type }) => type === 'fine')
    assert.ok(!other.frames.some(isError))
  })
}

test('a handler that never ends is called for the next messages, up to a number', async (t) => {
  let calls = 0
  const { client } = await setUp(t, {
    onMessage: () => {
      calls += 1
      return new Promise(() => {})
    },
  })
  for (let sent = 0; sent < 1_001; sent += 1) client.say({ type: 'a', sent })
  const { error } = await client.frame(isError)
  assert.equal(error.code, 'HOST_FAILED')
  assert.match(error.message, /1000 messages .* not taken/)
  assert.equal(calls, 1_000)
})

test('what is said while onPostConnect works waits for it, in order', async (t) => {
  const seen = []
  let ready
  const working = new Promise((resolve) => {
    ready = resolve
  })
  const { client } = await setUp(t, {
    onPostConnect: async ({ ws }) => {
      ws.send('{"type":"working"}')
      await working
      seen.push('ready')
    },
    onMessage: ({ message }) => seen.push(message.n),
  })
  await client.frame(({ type }) => type === 'working')
  for (const n of [1, 2, 3]) client.say({ n })
  client.say({ type: 'ping' })
  // The pong is written behind the three, which the handler has not seen by then.
  await client.frame(({ type }) => type === 'pong')
  assert.deepEqual(seen, [])
  ready()
  await eventually(() => seen.length === 4, 'all are there')
  assert.deepEqual(seen, ['ready', 1, 2, 3])
})

test('but not for ever: after a hundred they go ahead', async (t) => {
  const seen = []
  const { core, client } = await setUp(t, {
    onPostConnect: () => new Promise(() => {}),
    onMessage: ({ message }) => seen.push(message.n),
  })
  const all = Array.from({ length: 101 }, (_, n) => n)
  for (const n of all) client.say({ n })
  await eventually(() => seen.length === all.length, 'all are there')
  assert.deepEqual(seen, all)
  assert.ok(core.logger.messages('warn').some((message) => /onPostConnect is not done yet/.test(message)))
})

test('an onPostConnect that fails is a line in the log', async (t) => {
  const { core, client } = await setUp(t, {
    onPostConnect: () => Promise.reject(new Error('no')),
    onMessage: ({ ws }) => ws.send('{"type":"fine"}'),
  })
  client.say({ type: 'a' })
  await client.frame(({ type }) => type === 'fine')
  assert.ok(core.logger.messages('warn').includes("The handler's onPostConnect failed: no"))
})

for (const [what, onDisconnect] of [
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['never ends', () => new Promise(() => {})],
]) {
  test(`an onDisconnect that ${what} keeps nobody in the room`, async (t) => {
    const { server, client, clientId } = await setUp(t, { onDisconnect })
    const room = server.getRoomManager().getRoom('x:1')
    assert.deepEqual(
      room.getState().participants.map(({ id }) => id),
      [clientId],
    )
    client.socket.close()
    await eventually(() => room.getState().participants.length === 0, 'the room is empty')
    assert.equal(server.connections.size, 0)
  })
}

test('what a client said before its end counts, and its end comes last', async (t) => {
  const seen = []
  const { client } = await setUp(t, {
    onPostConnect: () => new Promise(() => {}),
    onMessage: ({ message }) => seen.push(message.n),
    onDisconnect: () => seen.push('gone'),
  })
  client.say({ n: 1 })
  client.say({ n: 2 })
  client.socket.close()
  await eventually(() => seen.includes('gone'), 'it is gone')
  assert.deepEqual(seen, [1, 2, 'gone'])
})
