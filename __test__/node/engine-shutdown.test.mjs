/** Shutting down: everybody is told, nothing that was sent is lost, and nobody can hold it up. */

import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'
import { test } from 'node:test'

import { newEditor, openEditor } from '../support/editor.mjs'
import { RealtimeModule, TestHost, atEnd, startEngine, temporaryFolder, testConfig } from '../support/engine.mjs'
import { connectRaw } from '../support/raw-client.mjs'

test('clients are sent away with 4503, and come back by themselves', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await startEngine(t, { folder })
  const ann = await openEditor(t, first)
  const script = connectRaw(t, first, { token: 'token-bob' })
  await script.acknowledged()
  await first.module.shutdown()
  const { code, reason } = await script.closed
  assert.deepEqual([code, reason.code], [4503, 'SERVER_SHUTDOWN'])
  assert.equal((await ann.closes.first(() => true, 'a close')).code, 4503)
  ann.write('Written while there was no server.')
  const second = await startEngine(t, { folder, config: { port: first.port } })
  const bob = await openEditor(t, second, { token: 'token-bob' })
  await bob.sees('Noise at night.', 'Written while there was no server.')
  assert.equal(bob.paragraphs.length, 2)
})

test('what was sent just before is kept, by clients that never come back too', async (t) => {
  const folder = await temporaryFolder(t)
  const host = new TestHost()
  // Above the message limit, so that some of it is held back.
  const texts = Array.from({ length: 60 }, (_, number) => `typed ${number}`)
  const first = await startEngine(t, { folder, host })
  const ann = await openEditor(t, first)
  for (const text of texts) ann.write(text)
  await first.module.shutdown()
  ann.leave()
  assert.deepEqual(host.saves.entries.at(-1)?.markdown.split('\n\n').slice(1), texts, 'the draft has it all')
  const second = await startEngine(t, { folder, host })
  const bob = await openEditor(t, second, { token: 'token-bob' })
  assert.deepEqual(bob.paragraphs.slice(1), texts)
})

test('twice, at once, before the start and after it: all of it is fine', async (t) => {
  const folder = await temporaryFolder(t)
  const engine = await startEngine(t, { folder })
  await Promise.all([engine.module.shutdown(), engine.module.shutdown()])
  await engine.module.shutdown()

  const never = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
  assert.equal(never.health().status, 'new')
  await never.shutdown()
  assert.equal(never.health().status, 'stopped')
  await assert.rejects(() => never.start(), { code: 'NOT_RUNNING' })

  const racing = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
  const [started] = await Promise.allSettled([racing.start(), racing.shutdown()])
  assert.equal(started.status, 'fulfilled')
  assert.equal(racing.health().status, 'stopped')
})

test('after it every method says so, and before the start too', async (t) => {
  const folder = await temporaryFolder(t)
  const fresh = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
  const { module } = await startEngine(t, { folder })
  await module.shutdown()
  for (const idle of [fresh, module]) {
    const error = { code: 'NOT_RUNNING', statusCode: 503 }
    assert.throws(() => idle.rooms(), error)
    assert.throws(() => idle.revoke('ann'), error)
    await assert.rejects(() => idle.snapshot('records:noise'), error)
    assert.equal(idle.health().listening, null)
  }
  assert.equal(module.health().status, 'stopped')
  await assert.rejects(() => module.start(), { code: 'NOT_RUNNING' })
  await fresh.shutdown()
})

test('starting twice gives the same address; a disabled engine has none', async (t) => {
  const engine = await startEngine(t)
  const { module, port } = engine
  assert.deepEqual(await module.start(), { host: '127.0.0.1', port })
  const { status, listening } = module.health()
  assert.deepEqual([status, listening], ['healthy', { host: '127.0.0.1', port }])

  const folder = await temporaryFolder(t)
  const disabled = new RealtimeModule(testConfig(folder, { enabled: false }), new TestHost().callbacks())
  assert.equal((await disabled.start()) ?? null, null)
  assert.equal(disabled.health().status, 'disabled')
  assert.throws(() => disabled.rooms(), { code: 'NOT_RUNNING' })
  await disabled.shutdown()
  await assert.rejects(() => stat(path.join(folder, 'realtime.db')), { code: 'ENOENT' })
})

test('a busy port is named, nothing is left behind, and it can be tried again', async (t) => {
  const folder = await temporaryFolder(t)
  const occupant = net.createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  atEnd(t, () => occupant.close())
  const { port } = occupant.address()
  const module = new RealtimeModule(testConfig(folder, { port }), new TestHost().callbacks())
  atEnd(t, () => module.shutdown())
  await assert.rejects(
    () => module.start(),
    (error) => error.code === 'LISTEN_FAILED' && error.context.port === port && error.message.includes(`:${port}`),
  )
  assert.equal(module.health().status, 'new')
  await assert.rejects(() => stat(path.join(folder, 'realtime.db')), { code: 'ENOENT' })
  occupant.close()
  await once(occupant, 'close')
  assert.equal((await module.start()).port, port)
})

test('who knocks while it shuts down is sent away as well', async (t) => {
  const host = new TestHost()
  let answer
  host.authorize = () => new Promise((resolve) => (answer = resolve))
  const engine = await startEngine(t, { host })
  const waiting = newEditor(t, engine)
  await host.asked.first(() => true, 'a request')
  const closing = engine.module.shutdown()
  assert.equal((await waiting.closes.first(() => true, 'a close')).code, 4503)
  answer({ user: { id: 1 }, canEdit: true })
  await closing
  assert.deepEqual(host.loads.entries, [])
})
