/** As many idle connections as there may be; when they have gone, nothing of them is left. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { manyClients } from '../support/many-clients.mjs'
import { metric } from '../support/metrics.mjs'

const MIB = 1024 * 1024

const MANY = 10_000
/** How many leave at once. */
const LEAVING = 500
/** Files and sockets that a process has besides. */
const OTHER_FILES = 200

const config = {
  rooms: { grace_period_ms: 0 },
  rate_limiting: { connections_per_ip: MANY, connections_per_user: MANY, max_connections: MANY },
}

/** How many connections the system allows a process. */
function allowed(t) {
  if (process.platform === 'win32') return MANY
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  const files = limit === 'unlimited' ? Infinity : Number(limit)
  const count = Math.min(MANY, files - OTHER_FILES)
  if (count < MANY) t.diagnostic(`ONLY ${count} CONNECTIONS, not ${MANY}: the hard limit is ${files} files (ulimit -Hn)`)
  return count
}

const disconnected = (engine, count) =>
  engine.host.hooks.atLeast(count, ({ name }) => name === 'realtime:client:disconnected', 'disconnected')

async function gone(engine, count) {
  await disconnected(engine, count)
  await engine.host.hook('realtime:room:destroyed')
  assert.equal(engine.module.health().connections, 0)
  assert.deepEqual(engine.module.rooms(), [])
  for (const gauge of ['connections', 'rooms']) assert.equal(await metric(engine, gauge), 0, gauge)
}

test('10,000 idle connections cost little memory, and none when they have gone', async (t) => {
  const count = allowed(t)
  const engine = await startEngine(t, { config })
  // The records of what happened are the test's own, and large.
  engine.host.logs.add = () => {}
  engine.host.asked.add = () => {}
  const clients = manyClients(t)
  const rss = () => process.memoryUsage().rss
  const before = rss()
  await clients.open(engine, count)
  assert.equal(engine.module.health().connections, count)
  const during = rss()
  const each = Math.round((during - before) / count)
  t.diagnostic(`${count} idle connections: ${each} bytes each, Node's own included`)
  assert.ok(during - before < count * 40_000, `${each} bytes each`)
  // Not all at once: of more hooks than Node's thread can take some are dropped.
  for (let left = 0; left < count; left += LEAVING) {
    await clients.leave(LEAVING)
    await disconnected(engine, Math.min(left + LEAVING, count))
  }
  await gone(engine, count)
  t.diagnostic(`memory: ${[before, during, rss()].map((bytes) => Math.round(bytes / MIB)).join(', ')} MiB`)
  assert.ok(rss() - before < 200 * MIB)
  await (await openEditor(t, engine)).leave()
})

test('fifty times sixty people come, edit and go, and memory does not grow', async (t) => {
  const engine = await startEngine(t, { config })
  engine.host.logs.add = () => {}
  engine.host.asked.add = () => {}
  const clients = manyClients(t)
  const round = async (number) => {
    await clients.open(engine, 60, { room: `records/r${number % 5}` })
    const ann = await openEditor(t, engine, { room: `records/r${number % 5}` })
    ann.write(`Round ${number}.`)
    ann.leave()
    await clients.leave()
    await engine.host.hooks.atLeast(number + 1, ({ name }) => name === 'realtime:room:destroyed', 'destroyed')
  }
  for (let number = 0; number < 20; number += 1) await round(number)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  for (let number = 20; number < 50; number += 1) await round(number)
  globalThis.gc?.()
  const growth = process.memoryUsage().rss - before
  t.diagnostic(`30 rounds after the first 20: ${growth} bytes more`)
  assert.ok(growth < 40 * MIB, `${growth} bytes more`)
  assert.equal(engine.module.health().connections, 0)
  assert.deepEqual(engine.module.rooms(), [])
})
