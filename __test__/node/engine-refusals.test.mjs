/** Who is not let in is told why: an error frame if it reads text, then a close code with a reason of JSON. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { never, startEngine } from '../support/engine.mjs'
import { connectRaw, connectTcp } from '../support/raw-client.mjs'

const REASON_BYTES_MAX = 123

/** Connects in both ways, and checks what a refused client is told. */
async function assertRefused(t, engine, options, close, code, facts = {}) {
  const scripts = connectRaw(t, engine, options)
  const told = await scripts.closed
  assert.equal(told.code, close)
  assert.ok(told.raw.length <= REASON_BYTES_MAX, `${told.raw.length} bytes of reason`)
  assert.equal(told.reason.code, code)
  for (const [name, value] of Object.entries(facts)) assert.equal(told.reason[name], value)
  const [{ text: frame }, ...more] = scripts.frames.entries
  assert.deepEqual(more, [])
  assert.equal(frame.type, 'control')
  assert.equal(frame.event, 'error')
  assert.equal(frame.error.code, code)
  assert.ok(frame.error.message.length > 0)
  assert.match(frame.error.correlationId, /^err_/)

  const browser = connectRaw(t, engine, { ...options, query: '?control=none' })
  assert.equal((await browser.closed).code, close)
  assert.deepEqual(browser.frames.entries, [], 'a client that takes text for binary gets none')
}

test('4001: a token that is missing or unknown', async (t) => {
  const engine = await startEngine(t)
  await assertRefused(t, engine, { token: 'nonsense' }, 4001, 'AUTH_FAILED', { reason: 'unknown_token' })
  // Without a token nothing says that a client reads text, except that it asks for it.
  const without = connectRaw(t, engine, { token: null, query: '?control=json' })
  assert.equal((await without.closed).code, 4001)
  assert.equal((await without.closed).reason.reason, 'token_missing')
  assert.equal(without.frames.entries[0].text.error.code, 'AUTH_FAILED')
  assert.equal(engine.host.asked.all(({ token }) => token !== 'nonsense').length, 0, 'the host is not asked for nothing')
})

test('4003: no right to view, and no such record', async (t) => {
  const engine = await startEngine(t)
  const { host } = engine
  host.authorize = ({ localId }) => ({
    denied: 'PERMISSION_DENIED',
    reason: localId === 'gone' ? 'record_not_found' : 'no_view_permission',
  })
  await assertRefused(t, engine, {}, 4003, 'PERMISSION_DENIED', { reason: 'no_view_permission' })
  await assertRefused(t, engine, { room: 'records/gone' }, 4003, 'PERMISSION_DENIED', { reason: 'record_not_found' })
  assert.equal(host.loads.entries.length, 0)
})

test('4003: an id that could become another file, and 4004: a type that is not known', async (t) => {
  const engine = await startEngine(t)
  const ids = ['%2Fetc', 'a%2F..%2Fb', 'a..b', '..%2F..%2Fx', 'a%00b', 'a%0Ab', '%5C', '', 'x'.repeat(257), '%C3%28']
  for (const id of ids) {
    const client = connectRaw(t, engine, { room: `records/${id}` })
    const { code, reason } = await client.closed
    assert.deepEqual([code, reason.code], [4003, 'INVALID_ID'], id)
  }
  // Clients of the web take `..` for a step up before they send it; others need not.
  assert.equal((await (await connectTcp(t, engine, { room: 'records/..' })).closed()).code, 4003)
  await assertRefused(t, engine, { room: 'records/a%7F' }, 4003, 'INVALID_ID')
  await assertRefused(t, engine, { room: 'meetings/x' }, 4004, 'ROOM_TYPE_NOT_REGISTERED')
  assert.equal(engine.host.asked.entries.length, 0)
  // An id is decoded once: what looks encoded after that is meant so.
  const client = connectRaw(t, engine, { room: 'records/50%2525%20caf%C3%A9' })
  assert.equal((await client.acknowledged()).roomId, 'records:50%25 café')
})

test('4029: each cap by its name, and places are given back', async (t) => {
  for (const [limit, config, token] of [
    ['rate_limiting.connections_per_ip', { rate_limiting: { connections_per_ip: 2 } }, 'token-bob'],
    ['rate_limiting.connections_per_user', { rate_limiting: { connections_per_user: 2 } }, 'token-ann'],
    ['rate_limiting.max_connections', { rate_limiting: { max_connections: 2 } }, 'token-bob'],
    ['rooms.max_rooms', { rooms: { max_rooms: 1, grace_period_ms: 0 } }, 'token-bob'],
  ]) {
    const engine = await startEngine(t, { config })
    const inside = [connectRaw(t, engine), connectRaw(t, engine)]
    await Promise.all(inside.map((client) => client.acknowledged()))
    const options = { token, room: 'records/other' }
    await assertRefused(t, engine, options, 4029, 'CONNECTION_LIMIT_EXCEEDED', { limit })
    if (limit === 'rooms.max_rooms') {
      await connectRaw(t, engine, { token: 'token-bob' }).acknowledged()
      continue
    }
    inside[0].socket.terminate()
    await engine.host.hook('realtime:client:disconnected')
    // Its place is given back right after the room has told of its end.
    for (;;) {
      const again = connectRaw(t, engine, options)
      if (await Promise.race([again.acknowledged(), again.closed.then(() => false)])) break
    }
  }
})

test('4500: a host that fails, in each way that it can', async (t) => {
  const engine = await startEngine(t, { config: { host_timeout: 0.3 } })
  const { host } = engine
  const answers = {
    throws: () => {
      throw new Error('down')
    },
    rejects: () => Promise.reject(new Error('down')),
    'rejects with nothing': () => Promise.reject(),
    'never answers': () => never,
    'says nothing': () => undefined,
    'says null': () => null,
    'says yes': () => true,
    'names nobody': () => ({ canEdit: true }),
    'names a user without an id': () => ({ user: {} }),
    'names a user with half an id': () => ({ user: { id: 1.5 } }),
    'denies oddly': () => ({ denied: 'MAYBE' }),
    'gives what JSON cannot hold': () => ({ user: { id: Symbol('ann') } }),
  }
  for (const [what, authorize] of Object.entries(answers)) {
    host.authorize = authorize
    const { code, reason } = await connectRaw(t, engine).closed
    assert.deepEqual([code, reason.code], [4500, 'HOST_FAILED'], what)
  }
  host.authorize = answers.throws
  await assertRefused(t, engine, {}, 4500, 'HOST_FAILED')
  assert.equal(host.loads.entries.length, 0)
})

test('a user with an absent right, name or reason is let in to read', async (t) => {
  const engine = await startEngine(t)
  // As a host's own object may, it leads back to itself.
  const row = { user: { id: 7 } }
  row.user.sessions = [row]
  engine.host.load = () => Object.assign(row, { markdown: 'From a row.' })
  engine.host.save = () => row
  for (const answer of [
    row,
    { user: { id: 7 } },
    { user: { id: 7, name: undefined }, canEdit: undefined, denied: undefined, reason: undefined },
    { user: { id: '7', name: null }, canEdit: false },
  ]) {
    engine.host.authorize = () => answer
    const { readOnly, user } = await connectRaw(t, engine).acknowledged()
    assert.deepEqual([readOnly, user.name], [true, null])
  }
})
