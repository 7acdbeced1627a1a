/** Drafts: the host gets the text of what was edited, sooner or later, and nothing that it has already. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { openEditor, startPair } from '../support/editor.mjs'
import { RealtimeModule, TestHost, atEnd, never, temporaryFolder, testConfig } from '../support/engine.mjs'

const ROOM = 'records:noise'
const FAILED = 'realtime:snapshot:writeback-failed'

test('text that nobody changed is not written back', async (t) => {
  const { engine, host, ann, bob } = await startPair(t, { config: { rooms: { grace_period_ms: 0 } } })
  await engine.module.snapshot(ROOM)
  ann.leave()
  bob.leave()
  await host.hook('realtime:room:destroyed')
  await engine.module.shutdown()
  assert.deepEqual(host.saves.entries, [])
})

test('a change that is taken back leaves nothing to write', async (t) => {
  const { engine, host, ann, bob, write } = await startPair(t)
  await write('Never mind.')
  ann.fragment.delete(1, 1)
  await bob.until(() => !bob.paragraphs.includes('Never mind.'))
  const { snapshotCreated } = await engine.module.snapshot(ROOM)
  assert.ok(snapshotCreated)
  assert.deepEqual(host.saves.entries, [])
})

test('a save that fails is tried again until it lands, and snapshots go on meanwhile', async (t) => {
  const host = new TestHost()
  const { save } = host
  host.save = () => Promise.reject(new Error('the database is locked'))
  const { engine, write } = await startPair(t, { host })
  await write('It will land.')
  const { snapshotCreated, version } = await engine.module.snapshot(ROOM)
  assert.deepEqual([snapshotCreated, version], [true, 1])
  const { roomId, recordId, stage, error } = await host.hook(FAILED)
  assert.deepEqual([roomId, recordId, stage], [ROOM, 'noise', 'draft'])
  assert.match(error, /the database is locked/)
  await write('Later.')
  await host.hook('realtime:snapshot:saved', ({ version }) => version === 2)
  // Again, and again.
  await host.hooks.atLeast(2, ({ name }) => name === FAILED)
  host.save = save
  await host.saves.next(({ markdown }) => markdown === 'Noise at night.\n\nIt will land.\n\nLater.', 'the draft')
  const { snapshotCreated: more } = await engine.module.snapshot(ROOM)
  assert.equal(more, false)
})

test('a save that never ends is given up, told of, and tried again', async (t) => {
  const host = new TestHost()
  const { save } = host
  host.save = () => never
  const { engine, write } = await startPair(t, { host, config: { host_timeout: 0.2 } })
  await write('It will land.')
  await engine.module.snapshot(ROOM)
  host.save = save
  const { stage, error } = await host.hook(FAILED)
  assert.equal(stage, 'draft')
  assert.match(error, /0\.2 s/)
  await host.saves.atLeast(2)
  await engine.module.snapshot(ROOM)
  assert.match(host.texts.get('noise'), /It will land\.$/)
})

test('edits that are made while a save runs are in a later one', async (t) => {
  const host = new TestHost()
  let finish
  host.save = () => new Promise((resolve) => (finish = resolve))
  const { engine, write } = await startPair(t, { host })
  await write('In the first.')
  const first = engine.module.snapshot(ROOM)
  await host.saves.first(() => true, 'the first save')
  await write('In the second.')
  finish()
  await first
  const second = engine.module.snapshot(ROOM)
  const [, { markdown }] = await host.saves.atLeast(2)
  assert.equal(markdown, 'Noise at night.\n\nIn the first.\n\nIn the second.')
  finish()
  assert.deepEqual((await second).version, 2)
})

test('a snapshot that is asked for while a save runs has the edits that the save came too early for', async (t) => {
  const host = new TestHost()
  const { save } = host
  let finish
  host.save = () => new Promise((resolve) => (finish = resolve))
  const { engine, write } = await startPair(t, { host })
  await write('In the first.')
  const first = engine.module.snapshot(ROOM)
  await host.saves.first(() => true, 'the first save')
  await write('In the second.')
  const second = engine.module.snapshot(ROOM)
  host.save = save
  // Time for the request to reach the room while the save runs; if it comes later, this proves less.
  await pause(50)
  finish()
  assert.equal((await first).version, 1)
  assert.equal((await second).version, 2)
  assert.match(host.texts.get('noise'), /In the second\.$/)
})

test('a room whose draft failed is not given up when all have left', async (t) => {
  const host = new TestHost()
  const { save } = host
  host.save = () => {
    throw new Error('down')
  }
  const { engine, ann, bob, write } = await startPair(t, { host, config: { rooms: { grace_period_ms: 0 } } })
  await write('Still to be drafted.')
  ann.leave()
  bob.leave()
  await host.hook(FAILED)
  assert.equal(engine.module.rooms()[0].state, 'idle')
  host.save = save
  await host.hook('realtime:room:destroyed')
  assert.match(host.texts.get('noise'), /Still to be drafted\.$/)
})

test('a host that takes no drafts is asked for none', async (t) => {
  const folder = await temporaryFolder(t)
  const host = new TestHost()
  const { save, ...callbacks } = host.callbacks()
  const config = testConfig(folder, { rooms: { grace_period_ms: 0 } })
  const module = new RealtimeModule(config, callbacks)
  const { port } = await module.start()
  atEnd(t, () => module.shutdown())
  const ann = await openEditor(t, { url: `ws://127.0.0.1:${port}/realtime` })
  ann.write('In the store alone.')
  ann.leave()
  await host.hook('realtime:room:destroyed')
  assert.deepEqual(host.told(FAILED), [])
  assert.deepEqual(host.told('realtime:snapshot:saved').length > 0, true)
})
