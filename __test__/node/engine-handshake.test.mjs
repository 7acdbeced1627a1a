/** Who connects and never gets to the point costs a little for a while, and keeps nobody else out. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'

import { atEnd, startEngine } from '../support/engine.mjs'
import { openEditor } from '../support/editor.mjs'
import { metric } from '../support/metrics.mjs'
import { connectRaw, connectTcp, wireFrame } from '../support/raw-client.mjs'

const MIB = 1024 * 1024

/** A bare connection; `text` is all that came when it is over. */
function open(t, { port }) {
  const socket = net.connect(port, '127.0.0.1')
  atEnd(t, () => socket.destroy())
  socket.on('error', () => {})
  let text = ''
  socket.on('data', (data) => (text += data))
  const ended = once(socket, 'close').then(() => text)
  return { socket, ended, connected: once(socket, 'connect') }
}

const config = { limits: { handshake_timeout: 0.4 } }

test('a request that does not come, or comes drop by drop, is not waited for', async (t) => {
  const engine = await startEngine(t, { config })
  const silent = open(t, engine)
  const slow = open(t, engine)
  slow.socket.write('GET /realtime/records/noise HTTP/1.1\r\nHost: x\r\n')
  // A header line that grows for ever: there is always something to read.
  const drip = setInterval(() => slow.socket.write('X-A: a\r\n'.slice(0, 4)), 20)
  atEnd(t, () => clearInterval(drip))
  await Promise.all([silent.ended, slow.ended])
  await connectRaw(t, engine).acknowledged()
})

test('a connection that was answered is not kept open for nothing', async (t) => {
  const engine = await startEngine(t, { config })
  const idle = open(t, engine)
  idle.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await idle.ended, /^HTTP\/1\.1 200 OK\r\n/)
})

test('too many headers, or too long ones, are refused', async (t) => {
  const engine = await startEngine(t, { config: { limits: { headers_max: 20, header_bytes_max: 8192 } } })
  const lines = (count, value) => Array.from({ length: count }, (_, n) => `X-${n}: ${value}\r\n`).join('')
  for (const headers of [lines(21, 'a'), lines(3, 'a'.repeat(8192)), `${'A'.repeat(20_000)}: a\r\n`]) {
    const client = open(t, engine)
    client.socket.write(`GET /realtime/records/noise HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
    assert.match(await client.ended, /^HTTP\/1\.1 431 /)
  }
  const client = open(t, engine)
  client.socket.write('no HTTP at all\r\n\r\n')
  assert.match(await client.ended, /^HTTP\/1\.1 400 /)
  assert.deepEqual(engine.host.asked.entries, [])
})

test('one address may have so many on their way in; another is let in meanwhile', async (t) => {
  const engine = await startEngine(t, {
    config: { rate_limiting: { connections_per_ip: 3 }, trusted_proxies: ['127.0.0.2'] },
  })
  const waiting = [open(t, engine), open(t, engine), open(t, engine)]
  await Promise.all(waiting.map(({ connected }) => connected))
  assert.equal(await open(t, engine).ended, '')
  // From a proxy, which is there for many.
  const proxied = net.connect({ port: engine.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  atEnd(t, () => proxied.destroy())
  proxied.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let metrics = ''
  for await (const data of proxied) metrics += data
  assert.match(metrics, /^civicpress_realtime_early_refusals_total 1$/m)
  waiting.forEach(({ socket }) => socket.end())
  await Promise.all(waiting.map(({ ended }) => ended))
  await connectRaw(t, engine).acknowledged()
})

test('of somebody who is not let in yet little is kept, and nothing lost', async (t) => {
  const engine = await startEngine(t)
  let letIn
  const gate = new Promise((resolve) => (letIn = resolve))
  engine.host.authorize = async () => {
    await gate
    return { user: { id: 1 }, canEdit: true }
  }
  const client = await connectTcp(t, engine)
  // As much as a message may have; of an unknown type.
  client.socket.write(wireFrame(2, Buffer.alloc(16 * MIB, 99)))
  client.send(1, '{"type":"ping"}')
  // Much longer than it takes to read all of it.
  for (let times = 0; times < 50; times += 1) await metric(engine, 'connections_total')
  assert.ok(client.socket.writableLength > 0, 'most of it is still on the client side')
  letIn()
  await client.frames.first(({ opcode, payload }) => opcode === 1 && /"pong"/.test(payload), 'an answer')
})

test('who is refused and goes on sending is read for a moment, and nothing of it kept', async (t) => {
  const engine = await startEngine(t)
  const before = process.memoryUsage().rss
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectTcp(t, engine, { token: 'nobody' })))
  for (const client of clients) {
    client.socket.write(wireFrame(2, Buffer.alloc(1), { length: 16 * MIB }))
    assert.equal((await client.closed()).code, 4001)
    await client.ended
  }
  assert.ok(process.memoryUsage().rss - before < 100 * MIB)
  assert.equal(engine.module.health().connections, 0)
  await openEditor(t, engine)
})
