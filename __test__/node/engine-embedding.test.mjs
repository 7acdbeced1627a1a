/** The module inside an application: it neither keeps it alive, nor falls with it, nor lets it spoil anything. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { converged, openEditor, paragraphUpdate } from '../support/editor.mjs'
import { RealtimeModule, TestHost, atEnd, never, startEngine, temporaryFolder, testConfig } from '../support/engine.mjs'
import { startEngineProcess } from '../support/engine-process.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

const ROOM = 'records:noise'

/** Adds a paragraph and waits until it is acknowledged as saved. */
async function writeAcknowledged(t, engine, text) {
  const client = connectRaw(t, engine, { query: '?ack=saved' })
  await client.acknowledged()
  client.send(frame.update(paragraphUpdate(text)))
  await client.control('saved')
}

test('the package gives the class to `import` and to `require`, and it is one', async () => {
  const imported = await import('@civicpress/realtime')
  const required = createRequire(import.meta.url)('@civicpress/realtime')
  assert.equal(typeof imported.RealtimeModule, 'function')
  assert.equal(imported.RealtimeModule, required.RealtimeModule)
  assert.equal(imported.RealtimeModule.defaultConfig().port, 3001)
})

for (const [order, expected] of [
  ['letGo', 0],
  ['exit', 0],
  ['crash', 1],
]) {
  test(`a host that ends without a shutdown (${order}) does end, and loses nothing that was acknowledged`, async (t) => {
    const folder = await temporaryFolder(t)
    const engine = await startEngineProcess(t, { folder })
    const bystander = await openEditor(t, engine, { token: 'token-bob' })
    for (let number = 0; number < 5; number++) await writeAcknowledged(t, engine, `Acknowledged ${number}.`)
    await bystander.sees('Acknowledged 4.')
    engine.order(order)
    assert.equal(await engine.exited, expected)
    bystander.leave()
    const again = await startEngine(t, { folder })
    const cyd = await openEditor(t, again, { token: 'token-cyd' })
    assert.equal(cyd.paragraphs.filter((text) => text.startsWith('Acknowledged')).length, 5)
    assert.equal(cyd.paragraphs.filter((text) => text === 'Noise at night.').length, 1)
  })
}

test('a worker thread that is terminated takes nothing with it', async (t) => {
  const folder = await temporaryFolder(t)
  const program = fileURLToPath(new URL('../support/engine-worker.mjs', import.meta.url))
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(program, { workerData: { folder } })
    atEnd(t, () => worker.terminate())
    const [port] = await once(worker, 'message')
    const engine = { port, url: `ws://127.0.0.1:${port}/realtime` }
    const bystander = await openEditor(t, engine, { token: 'token-bob' })
    await writeAcknowledged(t, engine, `Round ${round}.`)
    await bystander.sees(...Array.from({ length: round + 1 }, (_, number) => `Round ${number}.`))
    if (round < 2) await worker.terminate()
    else {
      worker.postMessage('shut down')
      await once(worker, 'exit')
    }
    bystander.leave()
  }
  const engine = await startEngine(t, { folder })
  const ann = await openEditor(t, engine)
  // Whose paragraph comes first is for Yjs to say.
  assert.deepEqual(ann.paragraphs.sort(), ['Noise at night.', 'Round 0.', 'Round 1.', 'Round 2.'])
})

test('a module that was shut down leaves no threads behind', { skip: process.platform !== 'linux' }, async (t) => {
  const threads = async () => (await readdir('/proc/self/task')).length
  const folder = await temporaryFolder(t)
  const cycle = async () => {
    const module = new RealtimeModule(testConfig(folder), new TestHost().callbacks())
    await module.start()
    // All of these are answered, whichever is the last: who snapshots or starts before the shutdown's turn finds it
    // running.
    const others = Promise.allSettled([module.snapshot(ROOM), module.start()])
    await Promise.all([module.shutdown(), module.shutdown(), others])
    await assert.rejects(() => module.snapshot(ROOM), { code: 'NOT_RUNNING' })
    await module.shutdown()
  }
  await cycle()
  const before = await threads()
  for (let round = 0; round < 20; round++) await cycle()
  // The last may still be ending.
  assert.ok((await threads()) < before + 10)
})

test('a host whose thread is busy for seconds holds up nobody', async (t) => {
  const engine = await startEngineProcess(t, { folder: await temporaryFolder(t) })
  const [ann, bob] = [await openEditor(t, engine), await openEditor(t, engine, { token: 'token-bob' })]
  const script = connectRaw(t, engine, { query: '?ack=saved' })
  await script.acknowledged()
  engine.order('block')
  const until = Date.now() + 2_000
  for (let number = 0; Date.now() < until; number++) {
    ann.write(`Meanwhile ${number}.`)
    await bob.sees(`Meanwhile ${number}.`)
    script.send(frame.update(paragraphUpdate(`Saved ${number}.`)))
    await script.frames.atLeast(number + 1, ({ text }) => text?.event === 'saved', 'saved')
    await pause(100)
  }
  assert.ok(!engine.answered(), 'it is still busy')
})

test('two modules in one process do not hear each other', async (t) => {
  const one = await startEngine(t)
  const two = await startEngine(t)
  two.host.text = 'Another town.'
  const ann = await openEditor(t, one)
  const bob = await openEditor(t, two, { token: 'token-bob' })
  ann.write('Only here.')
  await one.module.snapshot(ROOM)
  assert.deepEqual(bob.paragraphs, ['Another town.'])
  assert.equal(two.module.revoke('ann'), 0)
  await one.module.shutdown()
  assert.equal(two.module.health().status, 'healthy')
  bob.write('Still here.')
  await (await openEditor(t, two, { token: 'token-cyd' })).sees('Still here.')
  assert.deepEqual(
    two.host.hooks.all(({ data }) => data.userId === 'ann' || data.createdBy === 'ann'),
    [],
  )
  const starts = (host) => host.logs.all(({ message }) => message === 'listening').length
  assert.deepEqual([starts(one.host), starts(two.host)], [1, 1])
})

const faults = {
  'throw an error': () => {
    throw new Error('the host has a fault')
  },
  'throw nothing in particular': () => {
    throw undefined
  },
  reject: () => Promise.reject(new Error('the host has a fault')),
  'never end': () => never,
}

for (const [what, fault] of Object.entries(faults)) {
  test(`callbacks for hooks and log lines that ${what} change nothing`, async (t) => {
    const host = new TestHost()
    let called = 0
    const callbacks = host.callbacks()
    host.callbacks = () => ({
      ...callbacks,
      hook: () => (called++, fault()),
      log: () => (called++, fault()),
    })
    const engine = await startEngine(t, { host })
    const ann = await openEditor(t, engine)
    const bob = await openEditor(t, engine, { token: 'token-bob' })
    ann.write('All the same.')
    await bob.sees('All the same.')
    await converged([ann, bob])
    assert.ok((await engine.module.snapshot(ROOM)).snapshotCreated)
    assert.match(host.texts.get('noise'), /All the same\.$/)
    await engine.module.shutdown()
    assert.ok(called > 4)
    assert.equal(engine.module.health().droppedEvents, 0)
  })
}

test('a host that is busy for a while is told of everything afterwards', async (t) => {
  const engine = await startEngine(t)
  const clients = Array.from({ length: 10 }, () => connectRaw(t, engine))
  await Promise.all(clients.map((client) => client.acknowledged()))
  for (const client of clients) client.socket.terminate()
  const until = Date.now() + 150
  while (Date.now() < until);
  for (const name of ['realtime:client:connected', 'realtime:client:disconnected']) {
    const told = await engine.host.hooks.atLeast(clients.length, (hook) => hook.name === name, name)
    assert.equal(new Set(told.map(({ data }) => data.clientId)).size, clients.length)
  }
  assert.equal(engine.module.health().droppedEvents, 0)
})
