/** Sessions and rights are asked for again while clients are connected. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

const OFTEN = { auth: { revalidate_interval: 0.05 } }

/** Waits until the host was asked this often from now on. */
const askedAgain = (live, times = 2) => {
  const before = live.asked.all.length
  return live.asked.count(before + times, () => true, 'questions')
}

test('a session that is gone ends its connections with 4001', async (t) => {
  const live = await startEngine(t, { config: OFTEN })
  const { client: ann } = await join(t, live)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  live.users.delete('token-ann')
  assert.equal((await ann.control('error')).error.code, 'AUTH_FAILED')
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.code], [4001, 'AUTH_FAILED'])
  await ben.settle()
})

test('a lost right to view ends them with 4003', async (t) => {
  const live = await startEngine(t, { config: OFTEN })
  const { client: ann } = await join(t, live)
  live.users.set('token-ann', { denied: 'PERMISSION_DENIED', reason: 'no_view' })
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'no_view'])
})

test('a lost right to edit makes them read-only, and comes back', async (t) => {
  const live = await startEngine(t, { config: OFTEN })
  const { client: ann } = await join(t, live)
  const user = live.users.get('token-ann')
  live.users.set('token-ann', { ...user, canEdit: false })
  assert.equal((await ann.control('permission.changed')).readOnly, true)
  ann.send({ type: 'sync', update: base64(updateOf('no')) })
  assert.equal((await ann.control('error')).error.code, 'PERMISSION_DENIED')
  live.users.set('token-ann', user)
  assert.equal((await ann.control('permission.changed')).readOnly, false)
})

test('a role that may not connect any more goes', async (t) => {
  const live = await startEngine(t, { config: { auth: { ...OFTEN.auth, allowed_roles: ['clerk'] } } })
  const { client: ann } = await join(t, live)
  live.users.set('token-ann', { id: 1, role: 'intern', canEdit: true })
  assert.deepEqual((await ann.closed).reason.reason, 'role_not_allowed')
})

for (const [what, fail] of Object.entries({
  rejects: () => Promise.reject(new Error('the database is away')),
  throws: () => {
    throw new Error('the database is away')
  },
  'answers nonsense': () => 7,
  'never answers': () => new Promise(() => {}),
})) {
  test(`a host that ${what} changes nothing, and is asked again`, async (t) => {
    let broken = false
    let asked = 0
    const live = await startEngine(t, {
      config: { ...OFTEN, host_timeout: 0.1 },
      callbacks: {
        authorize: ({ token }) => {
          if (broken) {
            asked++
            live.asked.push(token)
            return fail()
          }
          const { canEdit, ...user } = live.users.get(token) ?? {}
          return user.id ? { user, canEdit } : { denied: 'AUTH_FAILED' }
        },
      },
    })
    const { client: ann } = await join(t, live)
    broken = true
    await askedAgain(live, 2)
    assert.ok(asked >= 2)
    assert.deepEqual(await ann.settle(), [])
    await live.logs.first(({ level, data }) => level === 'warn' && data.operation === 'realtime:session:revalidate')
    broken = false
    live.users.delete('token-ann')
    assert.equal((await ann.closed).code, 4001)
  })
}

test('an answer that is older than what the host has said does not count', async (t) => {
  let answer
  const live = await startEngine(t, {
    config: OFTEN,
    callbacks: {
      authorize: (request) => {
        live.asked.push(request)
        const yes = { user: { id: 1, name: 'Ann' }, canEdit: true }
        return live.asked.all.length === 2 ? new Promise((resolve) => (answer = () => resolve(yes))) : yes
      },
    },
  })
  const { client: ann, ack } = await join(t, live)
  await live.asked.count(2, () => true)
  // While the host thinks about it, it says something else.
  await live.engine.setPermissions(ack.clientId, { canEdit: false })
  assert.equal((await ann.control('permission.changed')).readOnly, true)
  answer()
  // The next question is asked after the answer to this one was dealt with.
  await live.asked.count(3, () => true)
  const told = ann.frames.all.filter((frame) => frame.event === 'permission.changed')
  assert.deepEqual(told.map(({ readOnly }) => readOnly), [true])
})

test('in rooms of other types only the session and the role count', async (t) => {
  const live = await startEngine(t, { config: { auth: { ...OFTEN.auth, without_edit: 'reject' } } })
  live.engine.registerRoomType('desk', { connect: () => ({}), message: () => {} })
  const vic = connect(t, live, { room: 'desk/1', token: 'token-vic' })
  await vic.control('connection.ack')
  await askedAgain(live)
  await vic.settle()
  live.users.delete('token-vic')
  assert.equal((await vic.closed).code, 4001)
})

test('0 = never asked again', async (t) => {
  const live = await startEngine(t, { config: { auth: { revalidate_interval: 0 } } })
  const { client: ann } = await join(t, live)
  live.users.delete('token-ann')
  // Long enough for an interval of zero to show.
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(live.asked.all.length, 1)
  await ann.settle()
})
