/** The core's announcement of revoked sessions: which payloads count. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onSessionsRevoked } from '../../dist/session-revocation.js'
import { Logger } from '../support/core.mjs'

const HOOK = 'auth:sessions:revoked'

function setUp() {
  const logger = new Logger()
  const revoked = []
  const listeners = onSessionsRevoked(logger, (event) => revoked.push(event))
  assert.deepEqual(Object.keys(listeners), [HOOK])
  return { logger, revoked, hear: listeners[HOOK] }
}

test('ids of both kinds are heard, with or without a reason', () => {
  const { hear, logger, revoked } = setUp()
  const payloads = [{ userId: 7 }, { userId: 'u7', reason: 'logout' }, { userId: 0, more: true }]
  for (const payload of payloads) hear(payload)
  assert.deepEqual(revoked, payloads)
  assert.deepEqual(logger.messages('warn'), [])
})

test('anything else is ignored with a warning', () => {
  const { hear, logger, revoked } = setUp()
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
  for (const payload of payloads) hear(payload)
  assert.deepEqual(revoked, [])
  assert.equal(logger.messages('warn').length, payloads.length)
})
