/** Snapshots: when they are taken, what is said of them, and what a restart finds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor, startPair } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'

const ROOM = 'records:noise'
const SAVED = 'realtime:snapshot:saved'

test('after so many updates one is taken, without any timer', async (t) => {
  const { engine, write } = await startPair(t, { config: { snapshots: { max_updates: 5, interval: 0 } } })
  await write('One is not enough.')
  assert.deepEqual(engine.host.told(SAVED), [])
  for (let number = 2; number <= 5; number++) await write(`Update ${number}.`)
  const { version } = await engine.host.hook(SAVED)
  assert.equal(version, 1)
  await engine.host.saves.first(({ markdown }) => /Update [45]\./.test(markdown), 'a draft')
})

test('after the interval one is taken of what changed, and then no more', async (t) => {
  const { engine, write } = await startPair(t, { config: { snapshots: { interval: 0.05 } } })
  await write('To be saved soon.')
  await engine.host.saves.first(({ markdown }) => /To be saved soon\./.test(markdown), 'a draft')
  // Shares the save that may still run; after it nothing is left for one that is asked for.
  await engine.module.snapshot(ROOM)
  const { snapshotCreated, version } = await engine.module.snapshot(ROOM)
  assert.equal(snapshotCreated, false)
  await engine.host.hook(SAVED, (saved) => saved.version === version)
})

test('one that is asked for is there when it is answered, if there is anything to save', async (t) => {
  const { engine, write } = await startPair(t)
  for (const expected of [1, 2, 3]) {
    await write(`Version ${expected}.`)
    const made = await engine.module.snapshot(ROOM)
    assert.deepEqual([made.snapshotCreated, made.version], [true, expected])
    assert.ok(Math.abs(made.timestamp - Date.now()) < 60_000)
    assert.match(engine.host.texts.get('noise'), new RegExp(`Version ${expected}\\.$`), 'the draft is written by then')
    const again = await engine.module.snapshot('record:noise')
    assert.deepEqual([again.snapshotCreated, again.version], [false, expected])
  }
  const none = await engine.module.snapshot('records:nobody')
  assert.deepEqual([none.snapshotCreated, none.version], [false, null])
  for (const id of ['noise', '', 'records:', 'records:../x']) {
    await assert.rejects(() => engine.module.snapshot(id), { code: 'INVALID_ID' })
  }
})

test('of several that are asked for at once, one is made', async (t) => {
  const { engine, write } = await startPair(t)
  await write('Once.')
  const made = await Promise.all(Array.from({ length: 5 }, () => engine.module.snapshot(ROOM)))
  assert.ok(made.some(({ snapshotCreated }) => snapshotCreated))
  for (const { version } of made) assert.equal(version, 1)
  await engine.host.hook(SAVED)
  assert.equal(engine.host.told(SAVED).length, 1)
  assert.equal(engine.host.saves.entries.length, 1)
})

test('the newest three are kept, and the host is told of each that is stored and deleted', async (t) => {
  const { engine, write } = await startPair(t)
  for (let version = 1; version <= 5; version++) {
    await write(`Version ${version}.`)
    await engine.module.snapshot(ROOM)
  }
  const pruned = await engine.host.hooks.atLeast(2, ({ name }) => name === 'realtime:snapshot:pruned')
  assert.deepEqual(
    pruned.map(({ data: { roomId, version, keep } }) => ({ roomId, version, keep })),
    [1, 2].map((version) => ({ roomId: ROOM, version, keep: 3 })),
  )
  const saved = engine.host.told(SAVED)
  assert.deepEqual(
    saved.map(({ version }) => version),
    [1, 2, 3, 4, 5],
  )
  assert.equal(new Set(saved.map(({ snapshotId }) => snapshotId)).size, 5)
  for (const { roomId, byteSize } of saved) assert.ok(roomId === ROOM && byteSize > 0)
})

test('a restart goes on from the snapshot and what came after it, and takes in what was edited elsewhere', async (t) => {
  const { engine, write } = await startPair(t)
  await write('In the snapshot.')
  await engine.module.snapshot(ROOM)
  await write('After it.')
  await engine.module.shutdown()
  const draft = engine.host.saves.entries.at(-1).markdown
  const again = await startEngine(t, { folder: engine.folder })
  again.host.texts.set('noise', `${draft}\n\nWhat somebody added elsewhere.`)
  const cyd = await openEditor(t, again, { token: 'token-cyd' })
  const paragraphs = ['Noise at night.', 'In the snapshot.', 'After it.', 'What somebody added elsewhere.']
  assert.deepEqual(cyd.paragraphs, paragraphs)
  assert.equal((await again.host.hook('realtime:room:merged')).added, 4)
  cyd.write('And on.')
  await again.host.hook('realtime:client:connected')
  await (await openEditor(t, again, { token: 'token-dan' })).sees('And on.')
  const { version } = await again.module.snapshot(ROOM)
  assert.ok(version > engine.host.told(SAVED).at(-1).version, 'no version is used twice')
})

test('a large document is stored all the same, and the host is told', async (t) => {
  const { engine, write } = await startPair(t)
  await write('long '.repeat(250_000).trim())
  await engine.module.snapshot(ROOM)
  const { roomId, byteSize, cap } = await engine.host.hook('realtime:snapshot:oversize')
  assert.deepEqual([roomId, cap], [ROOM, 1024 * 1024])
  assert.ok(byteSize > cap)
  await engine.module.shutdown()
  const again = await startEngine(t, { folder: engine.folder })
  const cyd = await openEditor(t, again, { token: 'token-cyd' })
  assert.ok(cyd.paragraphs[1].length > 1_000_000)
})

test('without snapshots the log alone keeps everything, and no draft is written', async (t) => {
  const { engine, write } = await startPair(t, { config: { snapshots: { enabled: false, max_updates: 1 } } })
  await write('Kept.')
  assert.equal((await engine.module.snapshot(ROOM)).snapshotCreated, false)
  await engine.module.shutdown()
  assert.deepEqual(engine.host.told(SAVED), [])
  assert.deepEqual(engine.host.saves.entries, [])
  const again = await startEngine(t, { folder: engine.folder })
  assert.deepEqual((await openEditor(t, again)).paragraphs, ['Noise at night.', 'Kept.'])
})
