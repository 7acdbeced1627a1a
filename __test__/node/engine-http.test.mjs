/** Plain HTTP on the same port, and upgrades that are refused before they are one. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { connectRaw } from '../support/raw-client.mjs'

/** One request; gives the answer's status, headers and body. */
async function request({ port }, path, { method = 'GET', headers = {} } = {}) {
  const sent = http.request({ port, host: '127.0.0.1', path, method, headers, agent: false }).end()
  const [answer] = await once(sent, 'response')
  let body = ''
  for await (const chunk of answer) body += chunk
  return { status: answer.statusCode, headers: answer.headers, body }
}

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}

test('paths that lead nowhere, and rooms without an upgrade', async (t) => {
  const engine = await startEngine(t)
  for (const path of ['/', '/realtime', '/realtime/records', '/realtime/records/a/b', '/other/records/a', '/healthz/']) {
    assert.equal((await request(engine, path)).status, 404, path)
    assert.equal((await request(engine, path, { headers: upgrade })).status, 404, `upgrade of ${path}`)
  }
  for (const headers of [{}, { ...upgrade, upgrade: 'h2c' }, { connection: 'Upgrade', upgrade: 'websocket' }]) {
    const { status, headers: answered } = await request(engine, '/realtime/records/a', { headers })
    assert.deepEqual([status, answered.upgrade], [426, 'websocket'])
  }
  assert.equal((await request(engine, '/realtime/records/a', { method: 'POST', headers: upgrade })).status, 426)
})

test('an upgrade without a version, or of another, is told which is spoken', async (t) => {
  const engine = await startEngine(t)
  const { 'sec-websocket-version': _, ...without } = upgrade
  for (const headers of [without, { ...upgrade, 'sec-websocket-version': '8' }]) {
    const { status, headers: answered } = await request(engine, '/realtime/records/a', { headers })
    assert.deepEqual([status, answered['sec-websocket-version']], [426, '13'])
  }
})

test('the path of the rooms is a setting', async (t) => {
  const engine = await startEngine(t, { config: { path: '/live/edit' } })
  assert.equal((await request(engine, '/realtime/records/a')).status, 404)
  const moved = { ...engine, url: engine.url.replace('/realtime', '/live/edit') }
  assert.equal((await connectRaw(t, moved).acknowledged()).roomId, 'records:noise')
})

test('/healthz and /metrics say what is there', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const health = await request(engine, '/healthz')
  assert.deepEqual([health.status, health.headers['content-type']], [200, 'application/json'])
  assert.deepEqual(JSON.parse(health.body), { status: 'healthy', connections: 1, rooms: 1 })
  const metrics = await request(engine, '/metrics')
  assert.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  assert.match(metrics.body, /^# TYPE civicpress_realtime_connections gauge\ncivicpress_realtime_connections 1$/m)
  assert.match(metrics.body, /^civicpress_realtime_connections_total 1$/m)
  assert.match(metrics.body, /^civicpress_realtime_storage_degraded 0$/m)
  assert.equal((await request(engine, '/metrics', { method: 'POST' })).status, 405)
  assert.equal((await request(engine, '/healthz', { method: 'HEAD' })).body, '')
  ann.leave()
  await engine.host.hook('realtime:client:disconnected')
})

test('only pages of the allowed origins may connect; what is no browser sends none', async (t) => {
  const engine = await startEngine(t, { config: { allowed_origins: ['https://town.example'] } })
  for (const origin of ['https://evil.example', 'https://town.example.evil.example', 'http://town.example', 'null']) {
    assert.equal((await connectRaw(t, engine, { headers: { origin } }).refused).statusCode, 403, origin)
  }
  assert.deepEqual(engine.host.asked.entries, [])
  await connectRaw(t, engine, { headers: { origin: 'https://town.example' } }).acknowledged()
  await connectRaw(t, engine).acknowledged()
})

test('X-Forwarded-For is believed from trusted proxies alone', async (t) => {
  const headers = { 'x-forwarded-for': '6.6.6.6, 9.9.9.9, 10.0.0.2' }
  for (const [trusted_proxies, expected] of [
    [[], '127.0.0.1'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [['127.0.0.1', '10.0.0.0/8'], '9.9.9.9'],
    [['127.0.0.0/8'], '10.0.0.2'],
  ]) {
    const engine = await startEngine(t, { config: { trusted_proxies } })
    await connectRaw(t, engine, { headers }).acknowledged()
    assert.equal(engine.host.asked.entries[0].clientIp, expected, `trusted: ${trusted_proxies}`)
  }
})

test('people behind a trusted proxy do not share one allowance', async (t) => {
  const engine = await startEngine(t, {
    config: { trusted_proxies: ['127.0.0.1'], rate_limiting: { connections_per_ip: 1 } },
  })
  const from = (ip, token) => connectRaw(t, engine, { token, headers: { 'x-forwarded-for': ip } })
  await from('1.1.1.1', 'token-ann').acknowledged()
  await from('2.2.2.2', 'token-bob').acknowledged()
  assert.equal((await from('2.2.2.2', 'token-cyd').closed).code, 4029)
})
