/** Listening on the core's hook bus: for how long, and what failures come to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'

import { listen } from '../../dist/hook-listeners.js'
import { HookSystem, Logger } from '../support/core.mjs'

test('listeners hear their hooks until we stop, and the very same functions are removed', async () => {
  const hooks = new HookSystem()
  const heard = []
  const stop = listen(hooks, new Logger(), {
    a: (data) => heard.push(['a', data]),
    b: (data) => heard.push(['b', data]),
  })
  await hooks.emit('a', 1)
  await hooks.emit('b', 2)
  stop()
  await hooks.emit('a', 3)
  assert.deepEqual(heard, [
    ['a', 1],
    ['b', 2],
  ])
  const called = (method) => hooks.calls.filter(([name]) => name === method).map(([, hook, handler]) => [hook, handler])
  assert.deepEqual(called('removeHook'), called('registerHook'))
})

for (const [what, listener] of [
  ['throws', () => assert.fail('no')],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['rejects with nothing', () => Promise.reject()],
]) {
  test(`a listener that ${what} is an error in the log, not in the bus`, async () => {
    const hooks = new HookSystem()
    const logger = new Logger()
    listen(hooks, logger, { a: listener })
    await hooks.emit('a', {})
    await tick()
    assert.equal(logger.messages('error').length, 1)
  })
}

test('the bus does not wait for a listener', async () => {
  const hooks = new HookSystem()
  listen(hooks, new Logger(), { a: () => new Promise(() => {}) })
  await hooks.emit('a', {})
})

test('a bus that fails to remove us does not keep us from stopping', () => {
  const hooks = new HookSystem()
  hooks.fail('removeHook')
  listen(hooks, new Logger(), { a: () => {} })()
})

test('a bus that can only emit is put up with, with one warning', () => {
  const logger = new Logger()
  listen({ emit: async () => {} }, logger, { a: () => {}, b: () => {} })()
  assert.equal(logger.messages('warn').length, 1)
})

test('a bus that fails to take all of us keeps none', () => {
  const hooks = new HookSystem()
  const register = hooks.registerHook.bind(hooks)
  hooks.registerHook = (name, handler) => (name === 'b' ? assert.fail('no') : register(name, handler))
  assert.throws(() => listen(hooks, new Logger(), { a: () => {}, b: () => {} }), /no/)
  assert.deepEqual(hooks.handlers.get('a'), [])
})
