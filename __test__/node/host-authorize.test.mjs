/** Who may join a record's room: the session first, then the record, then the permissions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRecordHost } from '../../dist/record-host.js'
import { createCore } from '../support/core.mjs'

const request = (token, localId = 'noise') => ({
  roomId: `records:${localId}`,
  roomType: 'records',
  localId,
  ...(token === undefined ? {} : { token }),
  clientIp: '127.0.0.1',
})

function setUp() {
  const core = createCore()
  core.recordManager.add({ id: 'noise', content: '# Noise' })
  const services = { auth: core.authService, records: core.recordManager, drafts: core.databaseService }
  return { core, services, host: createRecordHost(services) }
}

test('an editor may edit, a viewer may look', async () => {
  const { host } = setUp()
  const ann = { id: 1, name: 'Ann', role: 'clerk' }
  assert.deepEqual(await host.authorize(request('token-ann')), { user: ann, canEdit: true })
  const vic = { id: 3, name: 'Vic', role: 'viewer' }
  assert.deepEqual(await host.authorize(request('token-vic')), { user: vic, canEdit: false })
})

test('a user without a name is shown by username', async () => {
  const { host } = setUp()
  assert.equal((await host.authorize(request('token-ben'))).user.name, 'ben')
})

test('permissions are asked for the type of the record', async () => {
  const { core, host } = setUp()
  await host.authorize(request('token-ann'))
  const asked = core.authService.calls.filter(([method]) => method === 'userCan').map(([, , ...rest]) => rest)
  assert.deepEqual(asked, [
    ['records:view', { recordType: 'bylaw', action: 'view' }],
    ['records:edit', { recordType: 'bylaw', action: 'edit' }],
  ])
})

test('without a session nothing else is asked', async () => {
  const { core, host } = setUp()
  assert.deepEqual(await host.authorize(request(undefined)), { denied: 'AUTH_FAILED', reason: 'token_missing' })
  assert.deepEqual(await host.authorize(request('')), { denied: 'AUTH_FAILED', reason: 'token_missing' })
  assert.deepEqual(await host.authorize(request('old')), { denied: 'AUTH_FAILED', reason: 'session_invalid' })
  assert.equal(core.authService.count('validateSession'), 1)
  assert.equal(core.recordManager.count('getRecord'), 0)
})

test('an unknown record is refused before permissions are asked', async () => {
  const { core, host } = setUp()
  assert.deepEqual(await host.authorize(request('token-ann', 'nowhere')), {
    denied: 'PERMISSION_DENIED',
    reason: 'record_not_found',
  })
  assert.equal(core.authService.count('userCan'), 0)
})

test('a record that is only a draft so far exists', async () => {
  const { core, host } = setUp()
  core.databaseService.drafts.set('new', { id: 'new', type: 'policy', markdown_body: '' })
  assert.equal((await host.authorize(request('token-ann', 'new'))).canEdit, true)
  assert.deepEqual(core.authService.calls.at(-1).at(-1), { recordType: 'policy', action: 'edit' })
})

test('who may not view is refused, and not asked about editing', async () => {
  const { core, host } = setUp()
  assert.deepEqual(await host.authorize(request('token-out')), {
    denied: 'PERMISSION_DENIED',
    reason: 'view_not_allowed',
  })
  assert.equal(core.authService.count('userCan'), 1)
})

test('a service that fails is a fault of the host, never a no', async () => {
  for (const [service, method] of [
    ['authService', 'validateSession'],
    ['authService', 'userCan'],
    ['recordManager', 'getRecord'],
  ]) {
    const { core, host } = setUp()
    core[service].fail(method)
    await assert.rejects(host.authorize(request('token-ann')), { message: `${method} is broken` })
  }
  const { core, host } = setUp()
  core.databaseService.fail('getDraft')
  await assert.rejects(host.authorize(request('token-ann', 'only-a-draft')), { message: 'getDraft is broken' })
})

test('a record manager may be set later', async () => {
  const { services, host } = setUp()
  const { records } = services
  services.records = undefined
  await assert.rejects(host.authorize(request('token-ann')), { code: 'RECORD_UNREADABLE', statusCode: 502 })
  services.records = records
  assert.equal((await host.authorize(request('token-ann'))).canEdit, true)
})

test('in rooms of other types the session alone is checked, once', async () => {
  const { core, services } = setUp()
  const checked = []
  const host = createRecordHost({ ...services, sessionChecked: (...args) => checked.push(args) })
  const inDevice = (token) => ({ ...request(token, '7f3a'), roomId: 'device:7f3a', roomType: 'device' })
  const { user, canEdit } = await host.authorize(inDevice('token-out'))
  assert.deepEqual([user.id, user.role, canEdit], [4, 'outsider', true])
  assert.deepEqual(await host.authorize(inDevice('old')), { denied: 'AUTH_FAILED', reason: 'session_invalid' })
  assert.deepEqual(
    checked.map(([token, { username }]) => [token, username]),
    [['token-out', 'out']],
  )
  assert.equal(core.recordManager.count('getRecord') + core.authService.count('userCan'), 0)
})
