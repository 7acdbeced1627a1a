/** Who may connect by the configuration: roles, and those without the right to edit. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connect, join } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('only the roles that are named', async (t) => {
  const live = await startEngine(t, { config: { auth: { allowed_roles: ['clerk', 'admin'] } } })
  await join(t, live)
  live.users.set('token-roleless', { id: 9, canEdit: true })
  for (const token of ['token-vic', 'token-roleless']) {
    const client = connect(t, live, { token })
    assert.equal((await client.control('error')).error.code, 'PERMISSION_DENIED')
    const { code, reason } = await client.closed
    assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'role_not_allowed'])
  }
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  const refused = connect(t, live, { room: 'desk/1', token: 'token-vic' })
  assert.equal((await refused.closed).reason.reason, 'role_not_allowed')
})

test('those who may not edit read along, unless they are to be refused', async (t) => {
  const readonly = await startEngine(t)
  assert.equal((await join(t, readonly, { token: 'token-vic' })).ack.readOnly, true)
  const reject = await startEngine(t, { config: { auth: { without_edit: 'reject' } } })
  await join(t, reject)
  const { code, reason } = await connect(t, reject, { token: 'token-vic' }).closed
  assert.deepEqual([code, reason.reason], [4003, 'edit_not_allowed'])
})
