/** Revoked sessions: everybody of that user is sent away at once, and nothing that they send counts any more. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor, paragraphUpdate } from '../support/editor.mjs'
import { TestHost, startEngine } from '../support/engine.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

test('all connections of the user, in all rooms, and nobody else', async (t) => {
  const engine = await startEngine(t)
  const script = connectRaw(t, engine)
  const elsewhere = connectRaw(t, engine, { room: 'records/other', protocols: ['auth.token-ann'] })
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  await script.acknowledged()
  await elsewhere.frames.first(({ type }) => type === 'step2', 'the state')
  assert.equal(engine.module.revoke('ann', 'password changed'), 2)
  for (const client of [script, elsewhere]) {
    const { code, reason } = await client.closed
    assert.deepEqual([code, reason.code, reason.reason], [4001, 'SESSION_REVOKED', 'password changed'])
  }
  assert.deepEqual(script.frames.entries.at(-1).text, {
    type: 'control',
    event: 'session.revoked',
    reason: 'password changed',
  })
  assert.deepEqual(elsewhere.frames.all(({ text }) => text), [])
  assert.equal(engine.module.revoke('ann'), 0)
  assert.equal(engine.module.revoke('nobody'), 0)
  assert.deepEqual(bob.closes.entries, [])
  bob.write('Still here.')
  await (await openEditor(t, engine, { token: 'token-cyd' })).sees('Still here.')
})

test('what they send from then on does not count', async (t) => {
  const engine = await startEngine(t)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  const answer = ann.closed
  // Far above the limit, so that much of it is still on its way.
  for (let number = 0; number < 300; number++) ann.send(frame.update(paragraphUpdate(`before ${number}`)))
  engine.module.revoke('ann')
  for (let number = 0; number < 300; number++) {
    ann.send(frame.update(paragraphUpdate(`after ${number}`)))
    ann.send(frame.awareness({ client: 7, clock: number + 1, state: { after: number } }))
  }
  assert.equal((await answer).code, 4001)
  await engine.host.hook('realtime:client:disconnected', ({ userId }) => userId === 'ann')
  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  await bob.until(() => bob.fragment.toString() === cyd.fragment.toString())
  assert.ok(!bob.paragraphs.some((text) => text.startsWith('after')))
  assert.ok(!bob.awareness.getStates().has(7))
})

test('numbers and texts are the same user; what can be no id is refused', async (t) => {
  const host = new TestHost()
  host.authorize = () => ({ user: { id: 7 }, canEdit: true })
  const engine = await startEngine(t, { host })
  for (const id of ['7', 7]) {
    const ann = connectRaw(t, engine)
    await ann.acknowledged()
    assert.equal(engine.module.revoke(id), 1)
    assert.equal((await ann.closed).code, 4001)
  }
  for (const id of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => engine.module.revoke(id), { code: 'INVALID_ID' })
  }
  for (const id of [undefined, null, {}, true]) assert.throws(() => engine.module.revoke(id), Error)
})

test('who is just being let in when it happens does not get in', async (t) => {
  const host = new TestHost()
  let answer
  host.authorize = () => new Promise((resolve) => (answer = resolve))
  const engine = await startEngine(t, { host })
  const ann = connectRaw(t, engine)
  await host.asked.first(() => true, 'a request')
  assert.equal(engine.module.revoke('ann', 'logout'), 0)
  answer({ user: { id: 'ann' }, canEdit: true })
  const { code, reason } = await ann.closed
  assert.deepEqual([code, reason.code], [4001, 'SESSION_REVOKED'])
  assert.deepEqual(host.loads.entries, [])
})

test('who signs in anew afterwards is let in', async (t) => {
  const engine = await startEngine(t)
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  engine.module.revoke('ann')
  await ann.closed
  assert.equal((await connectRaw(t, engine).acknowledged()).user.id, 'ann')
})
