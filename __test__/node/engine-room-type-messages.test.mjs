/** What is said in a room of a registered type. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hook } from '../support/live-engine.mjs'
import { withType } from '../support/recording-type.mjs'

const messages = (type, clientId) =>
  type.of(clientId).filter(([name]) => name === 'message').map(([, , data]) => data)

test('of one client, everything in order', async (t) => {
  const { type, enter } = await withType(t)
  const { client, clientId } = await enter()
  const sent = Array.from({ length: 100 }, (_, number) => `message ${number}`)
  for (const text of sent) client.send(text)
  client.socket.close(1000)
  await type.told.first(([name]) => name === 'left')
  const told = type.of(clientId)
  assert.deepEqual(told[0], ['joined', clientId, 'desk:1'])
  assert.deepEqual(told.at(-1), ['left', clientId, 'closed'])
  assert.deepEqual(messages(type, clientId), sent)
})

test('text is a string, and everything else bytes', async (t) => {
  const { type, enter } = await withType(t)
  const { client, clientId } = await enter()
  for (const data of ['', 'no JSON', '{"type":"hello","protocol":"civicpress.json.v1"}', Buffer.from([1, 0, 255]), Buffer.alloc(0), '🏛\u0000']) {
    client.send(data)
  }
  await type.told.count(6, ([name]) => name === 'message')
  const told = messages(type, clientId)
  assert.deepEqual(told.filter((data) => typeof data === 'string'), ['', 'no JSON', '{"type":"hello","protocol":"civicpress.json.v1"}', '🏛\u0000'])
  const bytes = told.filter((data) => typeof data !== 'string')
  assert.ok(bytes.every(Buffer.isBuffer))
  assert.deepEqual(bytes.map((data) => [...data]), [[1, 0, 255], []])
})

test('text and bytes keep their order', async (t) => {
  const { type, enter } = await withType(t, {}, { config: { rate_limiting: { messages_per_second: 2 } } })
  const { client, clientId } = await enter()
  // Beyond the limit, bytes are read later; text behind them must not overtake.
  for (let number = 0; number < 20; number++) client.send(number % 3 ? Buffer.from([number]) : `${number}`)
  await type.told.count(20, ([name]) => name === 'message')
  const told = messages(type, clientId).map((data) => (typeof data === 'string' ? Number(data) : data[0]))
  assert.deepEqual(told, Array.from({ length: 20 }, (_, number) => number))
})

for (const [what, message] of Object.entries({
  throws: () => {
    throw new Error('cannot do that')
  },
  'throws no error': () => {
    throw 'cannot do that'
  },
})) {
  test(`a message that ${what} is told to its sender, who stays`, async (t) => {
    const { live, type, enter } = await withType(t, { message })
    const { client } = await enter()
    const { client: other } = await enter({ token: 'token-ben' })
    client.send('one')
    const { error } = await client.control('error')
    assert.equal(error.code, 'HOST_FAILED')
    assert.match(error.message, /cannot do that/)
    client.send('two')
    await client.control('error')
    assert.equal(type.told.all.filter(([name]) => name === 'message').length, 2)
    assert.deepEqual(await other.settle(), [])
    await live.logs.first(({ level, data }) => level === 'warn' && data.operation === 'realtime:room-type:message')
  })
}

test('a message that rejects is logged, for it was taken', async (t) => {
  const { live, enter } = await withType(t, { message: () => Promise.reject(new Error('too late')) })
  const { client, clientId } = await enter()
  client.send('one')
  const line = await live.logs.first(({ data }) => data.operation === 'realtime:room-type:rejected')
  assert.match(line.message, /too late/)
  assert.equal(line.data.client, clientId)
  assert.deepEqual(await client.settle(), [])
})

test('callbacks that never end hold nobody up, not even their own client', async (t) => {
  const never = () => new Promise(() => {})
  const { live, type, enter } = await withType(t, { message: never, joined: never, left: never })
  const { client, clientId } = await enter()
  const { client: other } = await enter({ token: 'token-ben' })
  for (let number = 0; number < 10; number++) client.send(`${number}`)
  other.send('other')
  await type.told.count(11, ([name]) => name === 'message')
  await client.close()
  await hook(live, 'realtime:client:disconnected', { clientId })
  await other.settle()
})

test('a ping is answered without asking the type', async (t) => {
  const { type, enter } = await withType(t)
  const { client } = await enter()
  client.send({ type: 'ping' })
  const pong = await client.next((frame) => frame.type === 'pong')
  assert.ok(Math.abs(Date.now() - pong.timestamp) < 60_000)
  client.socket.ping()
  await new Promise((resolve) => client.socket.once('pong', resolve))
  assert.deepEqual(type.told.all.filter(([name]) => name === 'message'), [])
})

test('nothing that a client sends after it was sent away counts', async (t) => {
  const { live, type, enter } = await withType(t)
  const { client, clientId } = await enter()
  live.engine.kick(1)
  client.send('too late')
  assert.equal((await client.closed).code, 4003)
  await type.told.first(([name]) => name === 'left')
  assert.deepEqual(messages(type, clientId), [])
})

test('hooks tell of rooms and of clients, with their type', async (t) => {
  const { live, enter } = await withType(t)
  const { client, clientId } = await enter()
  const { client: second } = await enter({ token: 'token-ben' })
  await client.close()
  await second.close()
  const gone = await hook(live, 'realtime:room:destroyed')
  assert.deepEqual([gone.roomId, gone.reason], ['desk:1', 'empty'])
  const [created] = live.hooks.all.filter(({ name }) => name === 'realtime:room:created')
  assert.deepEqual([created.data.roomId, created.data.roomType, created.data.createdBy], ['desk:1', 'desk', 1])
  const connected = await hook(live, 'realtime:client:connected', { clientId })
  assert.deepEqual([connected.roomId, connected.roomType, connected.userId], ['desk:1', 'desk', 1])
  const left = await hook(live, 'realtime:client:disconnected', { clientId })
  assert.deepEqual([left.roomId, left.roomType, left.userId, left.reason], ['desk:1', 'desk', 1, 'closed'])
  assert.deepEqual(live.hooks.all.map(({ name }) => name.replace('realtime:', '')), [
    'room:created', 'client:connected', 'client:connected', 'client:disconnected', 'client:disconnected',
    'room:destroyed',
  ])
  for (const { data } of live.hooks.all) assert.ok(data.timestamp > 0 && /^err_/.test(data.correlationId))
})
