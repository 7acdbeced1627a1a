/** The core's announcement of revoked sessions: which payloads count, and for how long we listen. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onSessionsRevoked } from '../../dist/session-revocation.js'
import { HookSystem, Logger } from '../support/core.mjs'

const HOOK = 'auth:sessions:revoked'

function setUp() {
  const hooks = new HookSystem()
  const logger = new Logger()
  const revoked = []
  return { hooks, logger, revoked, stop: onSessionsRevoked(hooks, logger, (event) => revoked.push(event)) }
}

test('ids of both kinds are heard, with or without a reason', async () => {
  const { hooks, logger, revoked } = setUp()
  const payloads = [{ userId: 7 }, { userId: 'u7', reason: 'logout' }, { userId: 0, more: true }]
  for (const payload of payloads) await hooks.emit(HOOK, payload)
  assert.deepEqual(revoked, payloads)
  assert.deepEqual(logger.messages('warn'), [])
})

test('anything else is ignored with a warning', async () => {
  const { hooks, logger, revoked } = setUp()
  const payloads = [
    undefined,
    null,
    7,
    'u7',
    [],
    {},
    { userId: null },
    { userId: '' },
    { userId: Number.NaN },
    { userId: { id: 7 } },
    { userId: 7, reason: 7 },
  ]
  for (const payload of payloads) await hooks.emit(HOOK, payload)
  assert.deepEqual(revoked, [])
  assert.equal(logger.messages('warn').length, payloads.length)
})

test('the same function is registered and removed', async () => {
  const { hooks, revoked, stop } = setUp()
  stop()
  const [[, , registered], [, , removed]] = ['registerHook', 'removeHook'].map((method) =>
    hooks.calls.find(([name]) => name === method),
  )
  assert.equal(registered, removed)
  await hooks.emit(HOOK, { userId: 7 })
  assert.deepEqual(revoked, [])
})

test('a revocation that fails is an error in the log, not in the bus', async () => {
  const hooks = new HookSystem()
  const logger = new Logger()
  onSessionsRevoked(hooks, logger, () => assert.fail('not running'))
  await hooks.emit(HOOK, { userId: 7 })
  assert.equal(logger.messages('error').length, 1)
})

test('a bus that fails to remove us does not keep us from stopping', () => {
  const hooks = new HookSystem()
  hooks.fail('removeHook')
  onSessionsRevoked(hooks, new Logger(), () => {})()
})

test('a bus that can only emit is put up with, with a warning', () => {
  const logger = new Logger()
  onSessionsRevoked({ emit: async () => {} }, logger, () => {})()
  assert.equal(logger.messages('warn').length, 1)
})
