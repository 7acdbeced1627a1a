/** What a client shows at the door, and the first frames that it gets for it, in their order. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor, paragraphsOf } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { connectRaw, documentOf } from '../support/raw-client.mjs'

const LONG_TOKEN = 'token-aaaaaaaaaaaaaaaaaaaa'

/** The kinds of the first frames. */
const kinds = ({ entries }) => entries.map(({ type, text }) => type ?? text.event)

test('a client that reads text: acknowledgement, step 1, the whole state, who is here', async (t) => {
  const engine = await startEngine(t)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  bob.awareness.setLocalStateField('user', { name: 'Bob' })
  // The server has Bob's name when it comes back to him.
  const echo = connectRaw(t, engine, { token: 'token-cyd' })
  await echo.frames.first(({ states }) => states?.some(({ state }) => state?.user?.name === 'Bob'), "Bob's name")

  const ann = connectRaw(t, engine)
  const presence = await ann.frames.first(({ type }) => type === 'awareness', 'presence')
  assert.deepEqual(kinds(ann.frames).slice(0, 4), ['connection.ack', 'step1', 'step2', 'awareness'])
  const { clientId, server, ...ack } = await ann.acknowledged()
  assert.match(clientId, /^client_[0-9a-f]+$/)
  assert.match(server, /^civicpress-realtime\//)
  assert.deepEqual(ack, {
    type: 'control',
    event: 'connection.ack',
    roomId: 'records:noise',
    readOnly: false,
    user: { id: 'ann', name: 'ann' },
  })
  assert.deepEqual(paragraphsOf(documentOf(ann.frames)), ['Noise at night.'])
  assert.deepEqual(
    presence.states.map(({ client }) => client),
    [bob.doc.clientID],
  )
})

test('a client that takes all for binary gets the same without the text', async (t) => {
  const engine = await startEngine(t)
  for (const options of [
    { protocols: ['auth.token-ann'] },
    { query: '?control=none' },
    { protocols: ['auth.token-ann', 'civicpress.control.v1'], query: '?control=none' },
  ]) {
    const client = connectRaw(t, engine, options)
    await client.frames.first(({ type }) => type === 'step2', 'the state')
    assert.deepEqual(kinds(client.frames), ['step1', 'step2'])
    client.socket.terminate()
  }
})

test('text comes to those who can read it, and the subprotocol that was chosen is echoed', async (t) => {
  const engine = await startEngine(t)
  for (const [options, subprotocol] of [
    [{}, ''],
    [{ protocols: ['auth.token-ann', 'civicpress.control.v1'] }, 'auth.token-ann'],
    [{ protocols: ['civicpress.control.v1', 'auth.token-ann'] }, 'auth.token-ann'],
    [{ protocols: ['auth.token-ann'], query: '?control=json' }, 'auth.token-ann'],
    [{ protocols: ['civicpress.control.v1'], headers: { authorization: 'Bearer token-ann' } }, 'civicpress.control.v1'],
    [{ protocols: ['other', LONG_TOKEN], query: '?control=json' }, LONG_TOKEN],
    [{ protocols: ['auth.token-bob'], headers: { authorization: 'bearer token-ann' } }, 'auth.token-bob'],
  ]) {
    const client = connectRaw(t, engine, options)
    const { user } = await client.acknowledged()
    assert.equal(client.socket.protocol, subprotocol)
    const expected = subprotocol === LONG_TOKEN ? LONG_TOKEN.slice('token-'.length) : 'ann'
    assert.equal(user.name, expected, 'a header goes before a subprotocol')
    client.socket.terminate()
  }
})

test('what is no token is none', async (t) => {
  const engine = await startEngine(t)
  for (const options of [
    { token: null, query: '?control=json' },
    { protocols: ['short-and-no-token'], query: '?control=json' },
    { protocols: ['auth.'], query: '?control=json' },
    { protocols: ['civicpress.json.v1'] },
    { token: null, headers: { authorization: 'Basic token-ann' }, query: '?control=json' },
    { token: null, headers: { authorization: 'Bearer' }, query: '?control=json' },
  ]) {
    const client = connectRaw(t, engine, options)
    const { code, reason } = await client.closed
    // `ws` leaves of itself where the subprotocol it offered is not chosen.
    if (code === 1006) continue
    assert.deepEqual([code, reason.reason], [4001, 'token_missing'], JSON.stringify(options))
  }
  assert.deepEqual(engine.host.asked.entries, [])
})

test('a token in the URL is refused, though it be good, and the log says what to use', async (t) => {
  const engine = await startEngine(t)
  for (const options of [
    { token: null, query: '?token=token-ann&control=json' },
    { query: '?access_token=token-ann' },
    { query: '?auth=token-ann' },
  ]) {
    const { code, reason } = await connectRaw(t, engine, options).closed
    assert.deepEqual([code, reason.code], [4001, 'AUTH_FAILED'])
  }
  const warnings = await engine.host.logs.atLeast(3, ({ level, message }) => level === 'warn' && /URL/.test(message))
  for (const { message } of warnings) assert.match(message, /Authorization header or the subprotocol `auth\./)
  assert.ok(!JSON.stringify(engine.host.logs.entries).includes('token-ann'), 'a token is never logged')
  assert.deepEqual(engine.host.asked.entries, [])
})
