/** The life of a room: it stays for a while when all have left, and goes only when everything is saved. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { converged, openEditor } from '../support/editor.mjs'
import { TestHost, startEngine } from '../support/engine.mjs'
import { connectRaw } from '../support/raw-client.mjs'
import { seeded } from '../support/random.mjs'

const DESTROYED = 'realtime:room:destroyed'

const destroyed = ({ host }, count) => host.hooks.atLeast(count, ({ name }) => name === DESTROYED, DESTROYED)

test('within the grace period the room is still there', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  ann.write('Before the break.')
  ann.leave()
  await engine.host.hook('realtime:client:disconnected')
  assert.equal(engine.module.rooms()[0].state, 'idle')
  const again = await openEditor(t, engine)
  await again.sees('Before the break.')
  assert.equal(engine.host.told('realtime:room:created').length, 1)
  assert.deepEqual(engine.host.told(DESTROYED), [])
  assert.equal(engine.module.rooms()[0].state, 'live')
})

test('though there is none, it stays as long as anybody is in it', async (t) => {
  const engine = await startEngine(t, { config: { rooms: { grace_period_ms: 0 } } })
  for (let visit = 1; visit <= 3; visit++) {
    const ann = await openEditor(t, engine)
    ann.write(`Visit ${visit}.`)
    // Once somebody else has it, the room has it.
    await (await openEditor(t, engine, { token: 'token-bob' })).sees(`Visit ${visit}.`)
    ann.leave()
    await engine.host.hooks.next(({ name }) => name === 'realtime:client:disconnected', 'disconnected')
    assert.equal(engine.module.rooms()[0].clients, visit, 'those who look on keep it')
  }
})

test('without one it is saved and gone at once, and each visit finds what the one before left', async (t) => {
  const engine = await startEngine(t, { config: { rooms: { grace_period_ms: 0 } } })
  const expected = ['Noise at night.']
  for (let visit = 1; visit <= 5; visit++) {
    const ann = await openEditor(t, engine)
    assert.deepEqual(ann.paragraphs, expected)
    ann.write(`Visit ${visit}.`)
    expected.push(`Visit ${visit}.`)
    ann.leave()
    await destroyed(engine, visit)
    assert.equal(engine.host.saves.entries.at(-1).markdown, expected.join('\n\n'))
  }
  const versions = engine.host.told('realtime:snapshot:saved').map(({ version }) => version)
  assert.ok(versions.length >= 5)
  assert.deepEqual(
    versions,
    versions.map((_, index) => index + 1),
  )
})

test('people who come and go all the time, at any moment, lose nothing', async (t) => {
  const random = seeded(t)
  const engine = await startEngine(t, { config: { rooms: { grace_period_ms: 0 } } })
  const written = []
  const guests = ['ann', 'bob'].map(async (name) => {
    for (let visit = 0; visit < 15; visit++) {
      const editor = await openEditor(t, engine, { token: `token-${name}` })
      const text = `${name} ${visit}`
      editor.write(text)
      written.push(text)
      for (let turn = random.below(4); turn > 0; turn--) await new Promise(setImmediate)
      editor.leave()
    }
  })
  await Promise.all(guests)
  const last = await openEditor(t, engine, { token: 'token-cyd' })
  await last.sees(...written)
  assert.equal(last.paragraphs.length, written.length + 1, 'and nothing stands there twice')
})

test('who joins while the last save runs finds everything, and edits on', async (t) => {
  const host = new TestHost()
  let finish
  host.save = () => new Promise((resolve) => (finish = resolve))
  const engine = await startEngine(t, { host, config: { rooms: { grace_period_ms: 0 } } })
  const ann = await openEditor(t, engine)
  ann.write('The last word.')
  ann.leave()
  await host.saves.first(() => true, 'the last save')
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  await bob.sees('The last word.')
  bob.write('Not quite.')
  finish()
  bob.leave()
  await host.saves.atLeast(2)
  finish()
  await destroyed(engine, 1)
  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'The last word.', 'Not quite.'])
  assert.equal(host.saves.entries.at(-1).markdown, 'Noise at night.\n\nThe last word.\n\nNot quite.')
})

test('max_rooms keeps new rooms out, never people from a room that is there', async (t) => {
  const config = { rooms: { max_rooms: 2, grace_period_ms: 0 } }
  const engine = await startEngine(t, { config })
  const one = await openEditor(t, engine, { room: 'records/one' })
  await openEditor(t, engine, { room: 'records/two' })
  const { code, reason } = await connectRaw(t, engine, { room: 'records/three' }).closed
  assert.deepEqual([code, reason.limit], [4029, 'rooms.max_rooms'])
  const late = await openEditor(t, engine, { room: 'records/one', token: 'token-bob' })
  await converged([one, late])
  one.leave()
  late.leave()
  await destroyed(engine, 1)
  await openEditor(t, engine, { room: 'records/three' })
  assert.deepEqual(
    engine.module.rooms().map(({ roomId }) => roomId),
    ['records:three', 'records:two'],
  )
})

test('the host is told of rooms and people, with all that it needs', async (t) => {
  const engine = await startEngine(t, { config: { rooms: { grace_period_ms: 0 } } })
  const ann = connectRaw(t, engine)
  const { clientId } = await ann.acknowledged()
  ann.socket.close()
  await destroyed(engine, 1)
  const told = engine.host.hooks.all(({ name }) => /room|client/.test(name))
  const ids = new Set(told.map(({ data }) => data.correlationId))
  assert.equal(ids.size, told.length)
  for (const { data } of told) assert.ok(Math.abs(data.timestamp - Date.now()) < 60_000)
  assert.deepEqual(
    told.map(({ name, data: { timestamp, correlationId, ...data } }) => [name, data]),
    [
      ['realtime:room:created', { roomId: 'records:noise', roomType: 'records', createdBy: 'ann' }],
      ['realtime:client:connected', { clientId, roomId: 'records:noise', roomType: 'records', userId: 'ann' }],
      [
        'realtime:client:disconnected',
        { clientId, roomId: 'records:noise', roomType: 'records', userId: 'ann', reason: 'closed' },
      ],
      [DESTROYED, { roomId: 'records:noise', reason: 'idle' }],
    ],
  )
})
