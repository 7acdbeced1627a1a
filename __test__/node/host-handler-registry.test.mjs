/** The registry of room types, before and after the start. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHandlerRegistry, RealtimeError } from '@civicpress/realtime'

import { connect } from '../support/clients.mjs'
import { Logger } from '../support/core.mjs'
import { createServer, EchoHandler } from '../support/servers.mjs'

test('records are registered, and stay it', async (t) => {
  const { server } = await createServer(t, { start: false })
  const registry = server.getHandlerRegistry()
  assert.deepEqual(registry.getRegisteredRoomTypes(), ['records'])
  assert.ok(registry.hasHandler('records') && registry.hasHandler('record'))
  assert.equal(registry.getHandler('records').roomType, 'records')
  assert.equal(registry.unregisterRoomTypeHandler('records'), false)
  for (const roomType of ['records', 'record']) {
    assert.throws(() => registry.registerRoomTypeHandler({ roomType }), { code: 'INVALID_ID' })
  }
})

test('a handler is found by its name and its alias, until it is unregistered', () => {
  const registry = createHandlerRegistry()
  const handler = { roomType: 'devices' }
  registry.registerRoomTypeHandler(handler)
  assert.deepEqual(registry.getRegisteredRoomTypes(), ['records', 'device'])
  for (const name of ['device', 'devices']) {
    assert.ok(registry.hasHandler(name))
    assert.equal(registry.getHandler(name), handler)
  }
  assert.equal(registry.unregisterRoomTypeHandler('device'), true)
  assert.equal(registry.unregisterRoomTypeHandler('device'), false)
  assert.equal(registry.getHandler('device'), undefined)
})

test('what is no handler is refused, with what is wrong', () => {
  const registry = createHandlerRegistry()
  for (const [handler, code] of [
    [undefined, 'INVALID_HANDLER'],
    [null, 'INVALID_HANDLER'],
    ['device', 'INVALID_HANDLER'],
    [{ roomType: 'x', onConnect: true }, 'INVALID_HANDLER'],
    [{ roomType: 'x', onMessage: null }, 'INVALID_HANDLER'],
    [{}, 'INVALID_ID'],
    [{ roomType: '' }, 'INVALID_ID'],
    [{ roomType: 'a/b' }, 'INVALID_ID'],
    [{ roomType: 'x'.repeat(65) }, 'INVALID_ID'],
  ]) {
    assert.throws(
      () => registry.registerRoomTypeHandler(handler),
      (error) => error instanceof RealtimeError && error.code === code && error.statusCode === 400,
    )
  }
  assert.deepEqual(registry.getRegisteredRoomTypes(), ['records'])
})

test('a second handler of a name replaces the first, with a warning', () => {
  const logger = new Logger()
  const registry = createHandlerRegistry({ logger })
  const handlers = [{ roomType: 'x' }, { roomType: 'x' }]
  for (const handler of handlers) registry.registerRoomTypeHandler(handler)
  assert.equal(registry.getHandler('x'), handlers[1])
  assert.equal(logger.messages('warn').length, 1)
})

for (const when of ['before', 'after']) {
  test(`a handler registered ${when} the start serves clients`, async (t) => {
    const { server } = await createServer(t, { start: false })
    if (when === 'after') await server.initialize()
    server.registerRoomTypeHandler(new EchoHandler())
    await server.initialize()
    const client = connect(t, server, { room: 'echo/1' })
    await client.acknowledged
    client.say({ type: 'shout', n: 1 })
    assert.deepEqual((await client.frame(({ type }) => type === 'echo')).message, { type: 'shout', n: 1 })
  })
}

test('handlers outlive a shutdown', async (t) => {
  const { server } = await createServer(t)
  server.registerRoomTypeHandler(new EchoHandler())
  await server.shutdown()
  await server.initialize()
  await connect(t, server, { room: 'echo/1' }).acknowledged
})

test('clients of a type that is not, or no longer, registered are closed with 4004', async (t) => {
  const { server } = await createServer(t)
  const refused = async () => {
    const client = connect(t, server, { room: 'echo/1' })
    const { code, reason } = await client.closed
    assert.equal(code, 4004)
    assert.equal(reason.code, 'ROOM_TYPE_NOT_REGISTERED')
    assert.equal(client.frames[0].error.code, 'ROOM_TYPE_NOT_REGISTERED')
  }
  await refused()
  server.registerRoomTypeHandler(new EchoHandler())
  const client = connect(t, server, { room: 'echo/1' })
  await client.acknowledged
  server.getHandlerRegistry().unregisterRoomTypeHandler('echo')
  await refused()
  client.say({ type: 'still here' })
  await client.frame(({ type }) => type === 'echo')
})

test('one type too many is an error in the log; the others and the records are there', async (t) => {
  const { core, server } = await createServer(t, { start: false })
  server.registerRoomTypeHandler(new EchoHandler())
  for (let number = 0; number < 100; number += 1) server.registerRoomTypeHandler({ roomType: `t${number}` })
  await server.initialize()
  assert.equal(core.logger.messages('error').length, 1)
  await connect(t, server, { room: 'echo/1' }).acknowledged
  await connect(t, server).acknowledged
})
