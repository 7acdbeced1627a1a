/** The host's callbacks over HTTP: what an API's answers mean. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createApiHost } from '@civicpress/realtime'

import { Api, SERVICE_TOKEN } from '../support/api.mjs'

const room = (localId = 'noise', roomType = 'records') => ({ roomId: `${roomType}:${localId}`, roomType, localId })
const asking = (token, localId, roomType) => ({ ...room(localId, roomType), token, clientIp: '127.0.0.1' })

async function setUp(t, options = {}) {
  const api = await Api.start(t)
  return { api, host: createApiHost({ baseUrl: `${api.url}/`, serviceToken: SERVICE_TOKEN, retries: 0, ...options }) }
}

test('an editor may edit, a viewer may look, and roles are passed on', async (t) => {
  const { api, host } = await setUp(t)
  const ann = { id: 1, name: 'Ann', role: 'clerk' }
  assert.deepEqual(await host.authorize(asking('token-ann')), { user: ann, canEdit: true })
  const vic = { id: 3, name: 'vic', role: 'viewer' }
  assert.deepEqual(await host.authorize(asking('token-vic')), { user: vic, canEdit: false })
  const root = { id: 'u9', name: 'root', role: 'admin' }
  assert.deepEqual(await host.authorize(asking('token-all')), { user: root, canEdit: true })
  assert.deepEqual(api.requests.slice(0, 2), ['GET /auth/me', 'GET /records/noise?edit=true'])
})

test('401, 403 and 404 are three ways to say no', async (t) => {
  const { api, host } = await setUp(t)
  assert.deepEqual(await host.authorize(asking('old')), { denied: 'AUTH_FAILED', reason: 'session_invalid' })
  const nowhere = { denied: 'PERMISSION_DENIED', reason: 'record_not_found' }
  assert.deepEqual(await host.authorize(asking('token-ann', 'nowhere')), nowhere)
  const hidden = { denied: 'PERMISSION_DENIED', reason: 'view_not_allowed' }
  assert.deepEqual(await host.authorize(asking('token-out')), hidden)
  api.fault = (method, path) => (path === '/records/noise' ? 403 : undefined)
  assert.deepEqual(await host.authorize(asking('token-ann')), hidden)
  api.fault = (method, path) => (path === '/records/noise' ? 401 : undefined)
  assert.equal((await host.authorize(asking('token-ann'))).denied, 'AUTH_FAILED')
})

test('a token that fits no header is a no, and reaches nobody', async (t) => {
  const { api, host } = await setUp(t)
  for (const token of ['', 'a b', 'x\r\ny: z', 'é']) {
    assert.equal((await host.authorize(asking(token))).denied, 'AUTH_FAILED')
  }
  assert.deepEqual(api.requests, [])
})

test('in rooms of other types the session alone is checked', async (t) => {
  const { api, host } = await setUp(t)
  const { user, canEdit } = await host.authorize(asking('token-out', '7f3a', 'device'))
  assert.deepEqual([user.id, canEdit], [4, true])
  assert.deepEqual(api.requests, ['GET /auth/me'])
})

test('an API that tells no permissions lets nobody edit', async (t) => {
  const { api, host } = await setUp(t)
  api.users['token-ann'] = { id: 1, username: 'ann', role: 'clerk' }
  api.fault = (method, path) => (path === '/auth/me' ? { id: 1, username: 'ann', role: 'clerk' } : undefined)
  api.users['token-ann'].permissions = []
  assert.deepEqual(await host.authorize(asking('token-ann')), {
    user: { id: 1, name: 'ann', role: 'clerk' },
    canEdit: false,
  })
})

test('the text is the draft, else the published record; an unknown one is null', async (t) => {
  const { api, host } = await setUp(t)
  assert.deepEqual(await host.load(room()), { markdown: 'Quiet.\n' })
  api.drafts.set('noise', { id: 'noise', markdownBody: '' })
  assert.deepEqual(await host.load(room()), { markdown: '' })
  api.drafts.set('noise', { id: 'noise', markdownBody: null })
  assert.deepEqual(await host.load(room()), { markdown: 'Quiet.\n' })
  assert.equal(await host.load(room('nowhere')), null)
})

test('a text that is none is a fault, never an empty document', async (t) => {
  const { api, host } = await setUp(t)
  for (const fault of [401, 403, '{}', '<html>', '[]', { data: { id: 'noise', content: 7 } }, { data: 'text' }]) {
    api.fault = () => fault
    await assert.rejects(host.load(room()), { code: 'API_FAILED', statusCode: 502 }, JSON.stringify(fault))
  }
})

test('a draft that is there is updated, one that is not is made of the record', async (t) => {
  const { api, host } = await setUp(t)
  await host.save(room(), 'Louder.\n')
  const made = { id: 'noise', title: 'Noise', type: 'bylaw', status: 'published', markdownBody: 'Louder.\n' }
  assert.deepEqual(api.drafts.get('noise'), made)
  api.requests.length = 0
  await host.save(room(), '')
  assert.deepEqual(api.drafts.get('noise'), { ...made, markdownBody: '' })
  assert.deepEqual(api.requests, ['PUT /records/noise/draft'])
  await assert.rejects(host.save(room('nowhere'), 'x'), { code: 'API_FAILED' })
})

test('ids are encoded', async (t) => {
  const { api, host } = await setUp(t)
  const id = 'règlement ?#%2e🏛'
  api.records.set(id, { id, content: 'odd' })
  assert.deepEqual(await host.load(room(id)), { markdown: 'odd' })
})

test('snapshots of the API, where it offers them', async (t) => {
  const { api, host } = await setUp(t)
  assert.equal(await host.readSnapshot('noise'), null)
  assert.equal(await host.writeSnapshot('noise', { snapshot: Uint8Array.of(0, 255), version: 3 }), true)
  assert.deepEqual(api.snapshots.get('noise'), { snapshot: 'AP8=', version: 3 })
  const { snapshot, version } = await host.readSnapshot('noise')
  assert.deepEqual([[...snapshot], version], [[0, 255], 3])
  api.offersSnapshots = false
  assert.equal(await host.readSnapshot('noise'), null)
  assert.equal(await host.writeSnapshot('noise', { snapshot: Uint8Array.of(1), version: 4 }), false)
})
