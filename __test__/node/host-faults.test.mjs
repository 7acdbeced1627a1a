/** A host that fails for a moment: nobody gets an empty room, and nothing is written over the record. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRealtimeServer } from '@civicpress/realtime'

import { connect } from '../support/clients.mjs'
import { createCore, createDataDir } from '../support/core.mjs'

async function setUp(t) {
  const core = createCore()
  core.recordManager.add({ id: 'noise', content: 'Quiet please.\n' })
  const server = createRealtimeServer(core, await createDataDir(t))
  t.after(() => server.shutdown())
  await server.initialize()
  return { core, server }
}

for (const [service, method] of [
  ['authService', 'validateSession'],
  ['authService', 'userCan'],
  ['recordManager', 'getRecord'],
  ['databaseService', 'getDraft'],
]) {
  test(`while ${method} fails, a client is told to come back, and can`, async (t) => {
    const { core, server } = await setUp(t)
    core[service].fail(method)
    const { code } = await connect(t, server).closed
    assert.equal(code, 4500)
    core[service].heal(method)
    await connect(t, server).acknowledged
    await server.triggerRecordSnapshot('noise')
    assert.equal(core.databaseService.count('createDraft'), 0)
  })
}

for (const [what, token, code, reason] of [
  ['an unknown session', 'old', 4001, { code: 'AUTH_FAILED', reason: 'session_invalid' }],
  ['nothing to see', 'token-out', 4003, { code: 'PERMISSION_DENIED', reason: 'view_not_allowed' }],
]) {
  test(`${what} is refused with ${code}`, async (t) => {
    const { server } = await setUp(t)
    const closed = await connect(t, server, { token }).closed
    assert.equal(closed.code, code)
    assert.equal(closed.reason.code, reason.code)
    assert.equal(closed.reason.reason, reason.reason)
  })
}

test('a record that does not exist is refused with 4003', async (t) => {
  const { server } = await setUp(t)
  const { code, reason } = await connect(t, server, { room: 'records/nowhere' }).closed
  assert.equal(code, 4003)
  assert.equal(reason.reason, 'record_not_found')
})

test('a session is checked once per connection', async (t) => {
  const { core, server } = await setUp(t)
  await connect(t, server).acknowledged
  assert.equal(core.authService.count('validateSession'), 1)
})
