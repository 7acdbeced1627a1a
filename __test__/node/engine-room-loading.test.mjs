/** Loading a room: once however many come, without losing what they send meanwhile, and never half. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { converged, newEditor, openEditor } from '../support/editor.mjs'
import { TestHost, never, startEngine } from '../support/engine.mjs'
import { connectRaw } from '../support/raw-client.mjs'

/** A host whose `load` waits until it is let go. */
function slowHost() {
  const host = new TestHost()
  const load = host.load.bind(host)
  let open
  const gate = new Promise((resolve) => (open = resolve))
  host.load = async (room) => {
    await gate
    return load(room)
  }
  return { host, open }
}

test('an edit and the first presence that are sent before the room is loaded are not lost', async (t) => {
  const { host, open } = slowHost()
  const engine = await startEngine(t, { host })
  const ann = newEditor(t, engine)
  ann.awareness.setLocalStateField('user', { name: 'Ann' })
  ann.write('Written at once.')
  await ann.until(() => ann.provider.wsconnected, 'connected')
  ann.write('Written while it loads.')
  await host.loads.first(() => true, 'a load')
  open()
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  await bob.sees('Noise at night.', 'Written at once.', 'Written while it loads.')
  await bob.until(() => bob.awareness.getStates().get(ann.doc.clientID)?.user?.name === 'Ann', "Ann's name")
  await converged([ann, bob])
})

test('twenty at once load a room once', async (t) => {
  const { host, open } = slowHost()
  const config = { rate_limiting: { connections_per_user: 20 } }
  const engine = await startEngine(t, { host, config })
  const editors = Array.from({ length: 20 }, () => newEditor(t, engine))
  await host.asked.atLeast(20)
  await host.loads.first(() => true, 'a load')
  assert.deepEqual(engine.module.rooms(), [
    { roomId: 'records:noise', roomType: 'records', clients: 0, state: 'loading', stateBytes: 0, lossy: false },
  ])
  open()
  await Promise.all(editors.map((editor) => editor.synced()))
  for (const [number, editor] of editors.entries()) editor.write(`From ${number}.`)
  await converged(editors)
  assert.deepEqual(host.loads.entries, ['noise'])
  assert.equal(editors[0].paragraphs.length, 21)
  const [{ clients, state }] = engine.module.rooms()
  assert.deepEqual([clients, state], [20, 'live'])
})

test('a record that cannot be read closes with 4500, opens no room and writes nothing; then it works', async (t) => {
  const host = new TestHost()
  const { load } = host
  const engine = await startEngine(t, { host, config: { host_timeout: 0.3 } })
  for (const [what, fail] of Object.entries({
    'it rejects': () => Promise.reject(new Error('the disk is gone')),
    'it throws': () => {
      throw new Error('the disk is gone')
    },
    'it never answers': () => never,
    'it gives nonsense': () => ({ text: 'not markdown' }),
    'it gives a number': () => ({ markdown: 7 }),
  })) {
    host.load = fail
    const ann = connectRaw(t, engine)
    const { code, reason } = await ann.closed
    assert.deepEqual([code, reason.code], [4500, 'RECORD_UNREADABLE'], what)
    assert.deepEqual(
      ann.frames.entries.map(({ text }) => text.event),
      ['error'],
    )
    assert.deepEqual(engine.module.rooms(), [])
  }
  assert.deepEqual(host.told('realtime:room:created'), [])
  assert.deepEqual(host.saves.entries, [])
  host.load = load
  assert.deepEqual((await openEditor(t, engine)).paragraphs, ['Noise at night.'])
})

test('an editor that came too early has the record as soon as it can be read', async (t) => {
  const host = new TestHost()
  const { load } = host
  host.load = () => Promise.reject(new Error('starting'))
  const engine = await startEngine(t, { host })
  const ann = newEditor(t, engine)
  ann.write('Written before it could be read.')
  assert.equal((await ann.closes.first(() => true, 'a close')).code, 4500)
  host.load = load
  await ann.sees('Noise at night.', 'Written before it could be read.')
  await ann.synced()
  // What somebody else sees is in the room.
  await (await openEditor(t, engine, { token: 'token-bob' })).sees('Written before it could be read.')
  await engine.module.snapshot('records:noise')
  const { markdown } = await host.saves.first(() => true, 'a draft')
  for (const text of ['Noise at night.', 'Written before it could be read.']) assert.equal(markdown.split(text).length, 2)
})

test('a record that is gone by the time it is loaded closes with 4003', async (t) => {
  const host = new TestHost()
  for (const nothing of [null, undefined]) {
    host.load = () => nothing
    const engine = await startEngine(t, { host })
    const { code, reason } = await connectRaw(t, engine).closed
    assert.deepEqual([code, reason.code, reason.reason], [4003, 'PERMISSION_DENIED', 'record_not_found'])
    assert.deepEqual(engine.module.rooms(), [])
  }
})

test('all who wait for a room that cannot be loaded are told', async (t) => {
  const { host, open } = slowHost()
  host.text = 7
  const engine = await startEngine(t, { host })
  const clients = Array.from({ length: 5 }, () => connectRaw(t, engine))
  await host.asked.atLeast(5)
  await host.loads.first(() => true, 'a load')
  open()
  for (const client of clients) assert.equal((await client.closed).code, 4500)
  assert.deepEqual(engine.module.rooms(), [])
  assert.equal(engine.module.health().rooms, 0)
})
