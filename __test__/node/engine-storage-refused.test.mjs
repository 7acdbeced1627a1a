/** A database file that is damaged, somebody else's, or from the future stops the start and stays as it is. */

import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { openEditor, paragraphUpdate } from '../support/editor.mjs'
import { RealtimeModule, TestHost, atEnd, startEngine, temporaryFolder, testConfig } from '../support/engine.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

/** Where SQLite keeps them in a file's header: https://www.sqlite.org/fileformat2.html#the_database_header */
const USER_VERSION_AT = 60
const APPLICATION_ID_AT = 68

/** The bytes of a database of ours with one room in it. */
async function database(t) {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  ann.write('Worth keeping.')
  await (await openEditor(t, engine, { token: 'token-bob' })).sees('Worth keeping.')
  await engine.module.shutdown()
  return readFile(path.join(engine.folder, 'realtime.db'))
}

const changes = {
  'from a newer release': (bytes) => bytes.writeUInt32BE(99, USER_VERSION_AT),
  "somebody else's": (bytes) => bytes.writeUInt32BE(0x1234, APPLICATION_ID_AT),
  'no database': (bytes) => bytes.write('Dear diary, ', 0),
  'damaged where its tables are described': (bytes) => bytes.fill(0xff, 100, 200),
}

for (const [what, change] of Object.entries(changes)) {
  test(`a file that is ${what} is named and left alone`, async (t) => {
    const folder = await temporaryFolder(t)
    const file = path.join(folder, 'realtime.db')
    const good = await database(t)
    const bad = Buffer.from(good)
    change(bad)
    await writeFile(file, bad)
    const module = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
    atEnd(t, () => module.shutdown())
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(
        () => module.start(),
        (error) => error.code === 'STORAGE_FAILED' && error.message.includes(file) && error.context.path === file,
      )
    }
    assert.ok((await readFile(file)).equals(bad), 'the file is as it was')
    assert.deepEqual(module.health().status, 'new')
    // Put right, the same module can start, and everything is there.
    await writeFile(file, good)
    for (const name of await readdir(folder)) if (name !== 'realtime.db') await rm(path.join(folder, name))
    const { port } = await module.start()
    const ann = await openEditor(t, { url: `ws://127.0.0.1:${port}/realtime` })
    assert.deepEqual(ann.paragraphs, ['Noise at night.', 'Worth keeping.'])
  })
}

test('a folder in the place of the file is named', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(path.join(folder, 'realtime.db'))
  const module = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
  atEnd(t, () => module.shutdown())
  await assert.rejects(
    () => module.start(),
    (error) => error.code === 'STORAGE_FAILED' && error.message.includes(path.join(folder, 'realtime.db')),
  )
})

test('a file that another engine has open is refused until that one has ended', async (t) => {
  const first = await startEngine(t)
  const second = new RealtimeModule(testConfig(first.folder), new TestHost().callbacks())
  atEnd(t, () => second.shutdown())
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(
      () => second.start(),
      (error) => error.code === 'STORAGE_FAILED' && /realtime\.db: another engine has it open/.test(error.message),
    )
  }
  assert.equal(first.module.health().status, 'healthy')
  await first.module.shutdown()
  await second.start()
})

test('a file that is deleted while it is open keeps nothing, so nobody is told that it does', async (t) => {
  const { module, host, folder, ...engine } = await startEngine(t)
  const ann = connectRaw(t, engine, { query: '?ack=saved' })
  await ann.acknowledged()
  ann.send(frame.update(paragraphUpdate('Before.')))
  await ann.control('saved')
  await rm(folder, { recursive: true })
  ann.send(frame.update(paragraphUpdate('After.')))
  const { state, error } = await host.hook('realtime:storage:state')
  assert.equal(state, 'degraded')
  assert.match(error, /realtime\.db: the file is not there any more/)
  await assert.rejects(() => module.snapshot('records:noise'), { code: 'STORAGE_FAILED' })
  await module.shutdown()
  assert.equal(ann.frames.all(({ text }) => text?.event === 'saved').length, 1)
  assert.match(host.texts.get('noise'), /After\./, 'the draft is all that is left')
})

test('a room whose snapshot is damaged is begun anew from its record; others are not touched', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await startEngine(t, { folder })
  for (const room of ['records/one', 'records/two']) {
    const ann = await openEditor(t, first, { room })
    ann.write(`Text of ${room}.`)
    await (await openEditor(t, first, { room, token: 'token-bob' })).sees(`Text of ${room}.`)
  }
  await first.module.shutdown()
  const file = path.join(folder, 'realtime.db')
  const bytes = await readFile(file)
  let at = -1
  while ((at = bytes.indexOf('Text of records/one.', at + 1)) >= 0) bytes.write('XXXX', at)
  await writeFile(file, bytes)
  const { host } = first
  host.texts.set('one', 'From the record.')
  const second = await startEngine(t, { folder, host })
  assert.deepEqual((await openEditor(t, second, { room: 'records/one' })).paragraphs, ['From the record.'])
  const { roomId } = await host.hook('realtime:snapshot:integrity-failed')
  assert.equal(roomId, 'records:one')
  const two = await openEditor(t, second, { room: 'records/two' })
  assert.deepEqual(two.paragraphs, ['Noise at night.', 'Text of records/two.'])
})
