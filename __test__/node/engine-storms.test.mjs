/** A thousand at once, after a restart; and peers that are gone without a word. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { TestHost, startEngine } from '../support/engine.mjs'
import { manyClients } from '../support/many-clients.mjs'
import { metric } from '../support/metrics.mjs'
import { connectTcp } from '../support/raw-client.mjs'

const MANY = 1_000

const rate_limiting = { connections_per_ip: 2 * MANY, connections_per_user: 2 * MANY }

test('a thousand who come back after a restart load the room once and share one answer', async (t) => {
  const first = await startEngine(t, { config: { rate_limiting } })
  const ann = await openEditor(t, first)
  ann.write('Before the restart.')
  const clients = manyClients(t)
  await clients.open(first, MANY)
  assert.equal(first.module.health().connections, MANY + 1)
  await first.module.shutdown()
  await clients.leave()

  const host = new TestHost()
  const again = await startEngine(t, { config: { rate_limiting, port: first.port }, folder: first.folder, host })
  await clients.open(again, MANY)
  const bob = await openEditor(t, again, { token: 'token-bob' })
  await bob.sees('Before the restart.')
  assert.equal(host.told('realtime:room:created').length, 1)
  // The room is asked by the thousand who have nothing, and by Ann and Bob, who have something.
  assert.ok((await metric(again, 'encodings_total')) <= 6)
  assert.equal(await metric(again, 'early_refusals_total'), 0)
  bob.write('After the restart.')
  await ann.sees('After the restart.')
  await clients.leave()
})

test('peers that answer nothing any more are dropped, and those who answer pings stay', async (t) => {
  const config = { heartbeat: 1, connection_cleanup: { check_interval: 1, stale_threshold: 1.5 } }
  const engine = await startEngine(t, { config })
  const ann = await openEditor(t, engine)
  const dead = await connectTcp(t, engine)
  await dead.joined()
  await dead.ended
  assert.equal(await metric(engine, 'stale_closes_total'), 1)
  assert.equal(engine.module.health().connections, 1)
  assert.deepEqual(ann.closes.entries, [])
})
