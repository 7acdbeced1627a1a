/** Whatever JavaScript hands over, the process lives: objects that hold themselves, getters that throw, and the like. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { RealtimeModule } from '@civicpress/realtime'

import { paragraphUpdate } from '../support/editor.mjs'
import { connect } from '../support/json-client.mjs'
import { hook, startEngine } from '../support/live-engine.mjs'
import { frame } from '../support/raw-client.mjs'

/** An object that holds itself, as objects of databases do. */
function cyclic(fields) {
  const object = { ...fields }
  return Object.assign(object, { self: object, list: [object, [object]] })
}

test('a user that holds itself is a user all the same', async (t) => {
  const live = await startEngine(t, {
    callbacks: {
      authorize: () => ({ user: cyclic({ id: 1, name: 'Ann' }), canEdit: true }),
      load: () => cyclic({ markdown: 'text' }),
    },
  })
  const { user } = await connect(t, live).control('connection.ack')
  assert.deepEqual(user, { id: 1, name: 'Ann' })
})

for (const [what, answer] of Object.entries({
  'nothing but itself': () => cyclic({}),
  'a getter that throws': () => ({
    get user() {
      throw new Error('broken')
    },
  }),
  'a user whose getter throws': () => ({
    user: {
      get id() {
        throw new Error('broken')
      },
    },
  }),
  'a proxy that throws': () =>
    new Proxy({}, {
      ownKeys: () => {
        throw new Error('broken')
      },
    }),
  'a thenable that throws': () => ({
    then: () => {
      throw new Error('broken')
    },
  }),
  'what does not say whether it is a thenable': () =>
    new Proxy(
      {},
      {
        has: () => {
          throw new Error('no')
        },
      },
    ),
  'a thenable that cannot be looked at': () => ({
    get then() {
      throw new Error('broken')
    },
  }),
  'its fields in a list': () => [{ id: 1, name: null, role: null }, true, null, null],
  'an id that no number is exact for': () => ({ user: { id: 2 ** 53 } }),
  'far too much': () => ({ user: { id: 1 }, more: Array.from({ length: 100_000 }, () => ({})) }),
  'a symbol': () => Symbol('x'),
})) {
  test(`an answer with ${what} is a fault of the host`, async (t) => {
    const live = await startEngine(t, { callbacks: { authorize: answer } })
    const { code, reason } = await connect(t, live).closed
    assert.deepEqual([code, reason.code], [4500, 'HOST_FAILED'])
    const { code: again } = await connect(t, live).closed
    assert.equal(again, 4500, 'and goes on')
  })
}

test('thenables are promises, and lazy ones are asked', async (t) => {
  const lazy = (answer) => ({ then: (resolve) => resolve(answer()) })
  const live = await startEngine(t, {
    callbacks: {
      authorize: () => lazy(() => ({ user: { id: 1 }, canEdit: true })),
      load: () => lazy(() => ({ markdown: 'text' })),
      save: (_, markdown) => lazy(() => void live.drafts.set('lazy', markdown)),
    },
    config: { snapshots: { max_updates: 1 } },
  })
  const client = connect(t, live)
  await client.control('connection.ack')
  client.socket.send(frame.update(paragraphUpdate('written')))
  await hook(live, 'realtime:snapshot:saved', { version: 1 })
  await live.engine.snapshot('records:noise')
  assert.match(live.drafts.get('lazy') ?? '', /written/)
})

test('configurations that hold themselves', () => {
  const host = { authorize: () => ({}), load: () => null }
  const config = cyclic({ port: 0 })
  assert.equal(RealtimeModule.validateConfig(config).config.port, 0)
  new RealtimeModule(config, host, '/nonexistent')
  assert.throws(() => RealtimeModule.validateConfig(cyclic({ port: cyclic({}) })), { code: 'CONFIG_INVALID' })
  assert.throws(() => new RealtimeModule({}, { ...host, logLevel: cyclic({}) }), { code: 'CONFIG_INVALID' })
  for (const odd of [null, 7, () => {}, Symbol('x')]) {
    assert.throws(() => new RealtimeModule(odd, host), { code: 'CONFIG_INVALID' }, String(odd))
  }
})
