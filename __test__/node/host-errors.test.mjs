/** The errors without CivicPress core: their members are those that core's have. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as errors from '../../dist/errors.js'

const cases = [
  [() => new errors.RealtimeError('m', { a: 1 }), 'RealtimeError', 'REALTIME_ERROR', 500, { a: 1 }],
  [
    () => new errors.RoomNotFoundError('records:x'),
    'RoomNotFoundError',
    'ROOM_NOT_FOUND',
    404,
    { roomId: 'records:x' },
  ],
  [
    () => new errors.ConnectionLimitExceededError(3, { ip: '::1' }),
    'ConnectionLimitExceededError',
    'CONNECTION_LIMIT_EXCEEDED',
    429,
    { limit: 3, ip: '::1' },
  ],
  [() => new errors.InvalidYjsUpdateError('short'), 'InvalidYjsUpdateError', 'INVALID_YJS_UPDATE', 400, undefined],
  [() => new errors.AuthenticationFailedError(), 'AuthenticationFailedError', 'AUTH_FAILED', 401, undefined],
  [
    () => new errors.PermissionDeniedError('records:x'),
    'PermissionDeniedError',
    'PERMISSION_DENIED',
    401,
    { resource: 'records:x' },
  ],
]

for (const [make, name, code, statusCode, context] of cases) {
  test(`${name} has core's members`, () => {
    const error = make()
    assert.ok(error instanceof Error)
    assert.ok(error.stack.includes('host-errors.test.mjs'))
    assert.match(error.correlationId, /^err_[0-9a-z]+_[0-9a-z]{7}$/)
    const { message, correlationId } = error
    assert.deepEqual(error.toJSON(), {
      name,
      code,
      message,
      statusCode,
      ...(context ? { context } : {}),
      correlationId,
    })
    assert.deepEqual(error.getOutputDetails(), {
      message,
      code,
      details: context,
      context: { ...context, correlationId, errorType: name, statusCode },
    })
  })
}

test('each has a correlation id of its own', () => {
  assert.notEqual(new errors.RealtimeError('a').correlationId, new errors.RealtimeError('b').correlationId)
})

test('a cause is kept, and not enumerated', () => {
  const cause = new Error('below')
  const error = new errors.PermissionDeniedError('records:x', {}, { cause })
  assert.equal(error.cause, cause)
  assert.ok(!Object.keys(error).includes('cause'))
  assert.ok(!('cause' in new errors.RealtimeError('m')))
})

const engineError = (code, statusCode, context) =>
  Object.assign(new Error(`it says ${code}`), { code, statusCode, context })

for (const [code, statusCode, Class] of [
  ['ROOM_NOT_FOUND', 404, errors.RoomNotFoundError],
  ['CONNECTION_LIMIT_EXCEEDED', 429, errors.ConnectionLimitExceededError],
  ['INVALID_YJS_UPDATE', 400, errors.InvalidYjsUpdateError],
  ['AUTH_FAILED', 401, errors.AuthenticationFailedError],
  ['SESSION_REVOKED', 401, errors.AuthenticationFailedError],
  ['PERMISSION_DENIED', 401, errors.PermissionDeniedError],
  ['LISTEN_FAILED', 503, errors.RealtimeError],
]) {
  test(`the engine's ${code} becomes a ${Class.name}`, () => {
    const original = engineError(code, statusCode, { port: 3001 })
    const error = errors.fromEngine(original)
    assert.ok(error instanceof Class)
    assert.equal(error.name, Class.name)
    assert.equal(error.message, `it says ${code}`)
    assert.equal(error.code, code)
    assert.equal(error.statusCode, statusCode)
    assert.equal(error.context.port, 3001)
    assert.equal(error.cause, original)
  })
}

test('a correlation id that the client was told is kept', () => {
  const correlationId = 'err_1_abcdefg'
  assert.equal(errors.fromEngine(engineError('HOST_FAILED', 502, { correlationId })).correlationId, correlationId)
})

test('what is not of the engine stays as it is', () => {
  for (const error of [new TypeError('t'), 'text', undefined, new errors.RealtimeError('m')]) {
    assert.equal(errors.fromEngine(error), error)
  }
})
