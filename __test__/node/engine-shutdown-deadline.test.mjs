/** Nobody can hold up a shutdown: no peer, no host, no room; and when it is over it is over. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { newEditor, openEditor } from '../support/editor.mjs'
import { TestHost, never, startEngine, temporaryFolder } from '../support/engine.mjs'
import { connectTcp, frame, wireFrame } from '../support/raw-client.mjs'

/** Far more than `shutdown_timeout`, and far less than what would hold up a shutdown without it. */
const timeout = 20_000

/** In seconds, longer than a test may take. */
const HOST_TIMEOUT = 200

test('a peer that answers nothing, and one that reads nothing', { timeout }, async (t) => {
  const host = new TestHost()
  host.text = 'long '.repeat(50_000)
  const engine = await startEngine(t, { host, config: { shutdown_timeout: 5 } })
  const silent = await connectTcp(t, engine)
  await silent.joined()
  const deaf = await connectTcp(t, engine)
  await deaf.joined()
  deaf.socket.pause()
  // The whole state, more often than the system's buffers can hold.
  deaf.socket.write(Buffer.concat(Array(100).fill(wireFrame(2, frame.step1()))))
  const editor = await openEditor(t, engine, { token: 'token-bob' })
  editor.write('To be saved all the same.')
  await engine.module.shutdown()
  assert.match(host.saves.entries.at(-1).markdown, /To be saved all the same\.$/)
  assert.equal(engine.module.health().connections, 0)
})

test('a host that never stores the draft', { timeout }, async (t) => {
  const folder = await temporaryFolder(t)
  const host = new TestHost()
  host.save = () => never
  const engine = await startEngine(t, { folder, host, config: { shutdown_timeout: 0.5, host_timeout: HOST_TIMEOUT } })
  const ann = await openEditor(t, engine)
  ann.write('In the log at least.')
  await engine.module.shutdown()
  ann.leave()
  const again = await startEngine(t, { folder })
  const bob = await openEditor(t, again, { token: 'token-bob' })
  await bob.sees('In the log at least.')
  // The host has still not got it, so it gets it now.
  await again.module.snapshot('records:noise')
  await again.host.saves.first(({ markdown }) => /In the log at least\.$/.test(markdown), 'the draft')
})

test('a host that never gives the record, or never says who somebody is', { timeout }, async (t) => {
  for (const question of ['load', 'authorize']) {
    const host = new TestHost()
    host[question] = () => never
    const engine = await startEngine(t, { host, config: { shutdown_timeout: 0.5, host_timeout: HOST_TIMEOUT } })
    const ann = newEditor(t, engine)
    await (question === 'load' ? host.loads : host.asked).first(() => true, question)
    await engine.module.shutdown()
    assert.equal((await ann.closes.first(() => true, 'a close')).code, 4503, question)
    ann.leave()
  }
})

test('a room whose draft failed to the end writes none afterwards', { timeout }, async (t) => {
  const host = new TestHost()
  host.save = () => Promise.reject(new Error('the database is closed'))
  const engine = await startEngine(t, { host, config: { shutdown_timeout: 0.3 } })
  const ann = await openEditor(t, engine)
  ann.write('Never stored.')
  await engine.module.shutdown()
  ann.leave()
  const saves = host.saves.entries.length
  assert.ok(saves > 0)
  // Longer than the pauses between its tries: an old text would be put over a newer one by then.
  await pause(1_500)
  assert.equal(host.saves.entries.length, saves)
  assert.deepEqual([engine.module.health().rooms, engine.module.health().status], [0, 'stopped'])
})
