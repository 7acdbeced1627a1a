/** An API that is slow, down or broken: what is tried again, for how long, and what is said about it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'

import { createApiHost } from '@civicpress/realtime'

import { Api, SERVICE_TOKEN } from '../support/api.mjs'

const room = { roomId: 'records:noise', roomType: 'records', localId: 'noise' }
const asking = { ...room, token: 'token-ann', clientIp: '127.0.0.1' }

async function setUp(t, options = {}) {
  const api = await Api.start(t)
  return { api, host: createApiHost({ baseUrl: api.url, serviceToken: SERVICE_TOKEN, timeoutMs: 2_000, ...options }) }
}

/** A fault for the first few requests. */
function first(count, fault) {
  let left = count
  return () => (left-- > 0 ? fault : undefined)
}

for (const fault of [500, 503, 'cut', '<html>proxy</html>']) {
  test(`what answers with ${fault} is asked again`, async (t) => {
    const { api, host } = await setUp(t)
    api.fault = first(2, fault)
    assert.deepEqual(await host.load(room), { markdown: 'Quiet.\n' })
    assert.equal(api.requests.length, 3)
  })
}

test('an answer that does not come is waited for no longer than agreed', async (t) => {
  const { api, host } = await setUp(t, { timeoutMs: 50 })
  api.fault = first(1, 'hang')
  assert.deepEqual(await host.load(room), { markdown: 'Quiet.\n' })
  api.fault = () => 'hang'
  await assert.rejects(host.load(room), /did not answer within 50 ms/)
})

test('what stays broken is a fault after the agreed number of attempts', async (t) => {
  const { api, host } = await setUp(t, { retries: 1 })
  api.fault = () => 500
  for (const call of [() => host.load(room), () => host.authorize(asking), () => host.save(room, 'x')]) {
    api.requests.length = 0
    await assert.rejects(call(), (error) => {
      assert.deepEqual([error.code, error.statusCode, error.context.attempts], ['API_FAILED', 502, 2])
      return /it answered 500/.test(error.message)
    })
    assert.equal(api.requests.length, 2)
  }
})

test('a no is no reason to ask again', async (t) => {
  const { api, host } = await setUp(t)
  api.fault = () => 401
  assert.equal((await host.authorize(asking)).denied, 'AUTH_FAILED')
  assert.equal(api.requests.length, 1)
})

test('what must not happen twice is not tried twice', async (t) => {
  const { api, host } = await setUp(t)
  api.fault = () => 503
  await assert.rejects(host.writeSnapshot('noise', { snapshot: Uint8Array.of(1), version: 1 }), { code: 'API_FAILED' })
  assert.equal(api.requests.length, 1)
})

test('an API that is down is a fault, and works once it is back', async (t) => {
  const { api, host } = await setUp(t, { retries: 1 })
  await api.down()
  await assert.rejects(host.authorize(asking), /cannot be reached \(ECONNREFUSED\)/)
  await api.up()
  assert.equal((await host.authorize(asking)).canEdit, true)
})

test('a redirect is not followed, and shows nobody a token', async (t) => {
  const seen = []
  const fetch = async (url, { redirect }) => {
    seen.push([url, redirect])
    return new Response(null, { status: 302, headers: { location: 'http://elsewhere.example/' } })
  }
  const { host } = await setUp(t, { fetch })
  await assert.rejects(host.load(room), /it answered 302/)
  assert.deepEqual(
    seen.map(([, redirect]) => redirect),
    ['manual'],
  )
})

test('no error shows a token, whatever is thrown', async (t) => {
  const secret = 'user-secret'
  const fetch = async (url, { headers }) => {
    throw new TypeError(`bad header ${headers.authorization}`, {
      cause: { code: 'ODD', message: headers.authorization },
    })
  }
  const { host } = await setUp(t, { fetch, retries: 0 })
  for (const call of [() => host.load(room), () => host.authorize({ ...asking, token: secret })]) {
    const error = await call().then(assert.fail, (thrown) => thrown)
    assert.doesNotMatch(inspect(error, { depth: 10 }) + JSON.stringify(error), /secret/)
  }
})

test('an address or a token that cannot be one is refused at once, unquoted', () => {
  for (const options of [
    { baseUrl: 'localhost:3000' },
    { baseUrl: 'ftp://x' },
    { baseUrl: 'http://user:pass-secret@x' },
    { baseUrl: 'http://x/?token=secret' },
    { serviceToken: '' },
    { serviceToken: 'two\nsecret' },
    { timeoutMs: -1 },
    { retries: Number.NaN },
  ]) {
    const bad = { baseUrl: 'http://x', serviceToken: 's', ...options }
    assert.throws(
      () => createApiHost(bad),
      (error) => error.code === 'CONFIG_INVALID' && !inspect(error).includes('secret'),
      JSON.stringify(options),
    )
  }
})
