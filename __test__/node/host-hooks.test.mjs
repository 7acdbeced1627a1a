/** Hooks and log lines go to the host; what the host's handlers do changes nothing here. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'

import { emitHook, log } from '../../dist/event-sink.js'
import { HookSystem, Logger } from '../support/core.mjs'

const NAME = 'realtime:room:created'

test('a hook reaches the bus with its payload', () => {
  const hooks = new HookSystem()
  emitHook(hooks, new Logger(), NAME, { roomId: 'records:x' })
  assert.deepEqual(hooks.emitted(NAME), [{ roomId: 'records:x' }])
})

for (const [what, emit] of [
  ['throws', () => assert.fail('bad handler')],
  ['rejects', () => Promise.reject(new Error('bad handler'))],
  ['rejects with nothing', () => Promise.reject()],
  ['rejects with what cannot be shown', () => Promise.reject(Object.create(null))],
]) {
  test(`a handler that ${what} is a line in the log`, async () => {
    const logger = new Logger()
    emitHook({ emit }, logger, NAME, {})
    await tick()
    assert.deepEqual(logger.messages('warn'), [`A handler of the hook ${NAME} failed`])
    assert.equal(logger.calls[0][2].hook, NAME)
  })
}

test('a handler that never ends is not waited for', () => {
  assert.equal(emitHook({ emit: () => new Promise(() => {}) }, new Logger(), NAME, {}), undefined)
})

test('a bus that returns nothing will do', () => {
  emitHook({ emit() {} }, new Logger(), NAME, {})
})

test('a logger that throws changes nothing, not even for a failing handler', async () => {
  const logger = new Logger()
  for (const level of ['error', 'warn', 'info', 'debug']) {
    logger.fail(level)
    log(logger, level, 'm')
  }
  emitHook({ emit: () => Promise.reject(new Error('bad handler')) }, logger, NAME, {})
  await tick()
})

test('nor does one that is async and rejects', async () => {
  const reject = () => Promise.reject(new Error('the log is full'))
  log({ error: reject, warn: reject, info: reject, debug: reject }, 'info', 'm')
  await tick()
})
