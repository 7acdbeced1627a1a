/** Who is here: told at once, kept no longer than they are, and only in one's own name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

const others = ({ awareness, doc }) => [...awareness.getStates().keys()].filter((client) => client !== doc.clientID)

/** The states of one Yjs client that were received so far. */
const statesOf = ({ frames }, id) =>
  frames.all(({ type }) => type === 'awareness').flatMap(({ states }) => states.filter(({ client }) => client === id))

/** Waits for a state of a Yjs client. */
const stateOf = async (client, id, matches = () => true) => {
  await client.frames.first(({ states }) => states?.some((state) => state.client === id && matches(state)), `state ${id}`)
  return statesOf(client, id).find(matches)
}

for (const [how, go] of [
  ['leaves', (editor) => editor.provider.disconnect()],
  ['is cut off', (editor) => editor.provider.ws.terminate()],
]) {
  test(`who ${how} is gone from the others' screens at once`, async (t) => {
    const engine = await startEngine(t)
    const ann = await openEditor(t, engine)
    const bob = await openEditor(t, engine, { token: 'token-bob' })
    bob.awareness.setLocalStateField('user', { name: 'Bob' })
    await ann.until(() => others(ann).includes(bob.doc.clientID))
    const gone = new Promise((resolve) => ann.awareness.once('change', ({ removed }) => resolve(removed)))
    bob.provider.shouldConnect = false
    go(bob)
    assert.deepEqual(await gone, [bob.doc.clientID])
    const cyd = connectRaw(t, engine, { token: 'token-cyd' })
    const { states } = await cyd.frames.first(({ type }) => type === 'awareness', 'presence')
    assert.ok(!states.some(({ client }) => client === bob.doc.clientID))
  })
}

test('nobody can speak for somebody else, nor send them away', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  ann.awareness.setLocalStateField('user', { name: 'Ann' })
  const id = ann.doc.clientID
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  const { clock } = await stateOf(bob, id)
  const forged = [{ user: { name: 'Not Ann' } }, null]
  for (const state of forged) {
    for (const later of [0, 1, 1000]) bob.send(frame.awareness({ client: id, clock: clock + later, state }))
  }
  // Everything before the answer has been read by then.
  bob.send(frame.awareness({ client: 5, clock: 1, state: { user: { name: 'Bob' } } }))
  await ann.until(() => others(ann).includes(5))
  assert.deepEqual(ann.awareness.getLocalState(), { user: { name: 'Ann' } })
  const cyd = connectRaw(t, engine, { token: 'token-cyd' })
  assert.deepEqual((await stateOf(cyd, id)).state, { user: { name: 'Ann' } })
  for (const { state } of statesOf(bob, id)) assert.equal(state.user?.name ?? 'Ann', 'Ann')
})

test('a lone stock provider hears from the server whenever its own presence changes', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  for (let step = 0; step < 3; step++) {
    // Without it the provider takes the connection for dead after 30 s, and connects anew for ever.
    ann.provider.wsLastMessageReceived = 0
    ann.awareness.setLocalStateField('step', step)
    await new Promise((resolve) => ann.provider.ws.addEventListener('message', resolve, { once: true }))
    assert.ok(ann.provider.wsLastMessageReceived > 0)
  }
  assert.deepEqual(ann.closes.entries, [])
})

test('a question for presence is answered with all states, the newest of each', async (t) => {
  const engine = await startEngine(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  for (let clock = 1; clock <= 50; clock++) ann.send(frame.awareness({ client: 1, clock, state: { clock } }))
  ann.send(frame.awareness({ client: 1, clock: 20, state: { clock: 'old' } }))
  ann.send(frame.awareness({ client: 2, clock: 1, state: { second: 'caret' } }))
  await stateOf(ann, 2)
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  await stateOf(bob, 2)
  const answer = bob.frames.next(({ type }) => type === 'awareness', 'an answer')
  bob.send(frame.queryAwareness())
  assert.deepEqual((await answer).states, [
    { client: 1, clock: 50, state: { clock: 50 } },
    { client: 2, clock: 1, state: { second: 'caret' } },
  ])
})

test('of many changes everybody gets the last, and none after a newer one', async (t) => {
  const engine = await startEngine(t)
  const ann = connectRaw(t, engine)
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  await Promise.all([ann.acknowledged(), bob.acknowledged()])
  for (let clock = 1; clock <= 500; clock++) ann.send(frame.awareness({ client: 1, clock, state: { clock } }))
  for (const client of [ann, bob]) {
    assert.deepEqual((await stateOf(client, 1, ({ clock }) => clock === 500)).state, { clock: 500 })
    const clocks = statesOf(client, 1).map(({ clock }) => clock)
    assert.deepEqual(clocks, [...clocks].sort((a, b) => a - b))
  }
  // Presence is no abuse, however much of it there is.
  assert.deepEqual(ann.frames.all(({ text }) => text?.event === 'notice'), [])
})

test('one connection can fill a room with carets only so far', async (t) => {
  const engine = await startEngine(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  const states = Array.from({ length: 100 }, (_, number) => ({ client: number + 1, clock: 1, state: {} }))
  ann.send(frame.awareness(...states))
  await stateOf(ann, 1)
  const bob = connectRaw(t, engine, { token: 'token-bob' })
  const { states: present } = await bob.frames.first(({ type }) => type === 'awareness', 'presence')
  assert.equal(present.length, 8)
})

test('somebody who reconnects is seen again, with the same Yjs client', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  bob.awareness.setLocalStateField('user', { name: 'Bob' })
  await ann.until(() => others(ann).includes(bob.doc.clientID))
  bob.provider.ws.terminate()
  await ann.until(() => others(ann).length === 0)
  await ann.until(() => others(ann).includes(bob.doc.clientID))
  assert.deepEqual(ann.awareness.getStates().get(bob.doc.clientID), { user: { name: 'Bob' } })
})
