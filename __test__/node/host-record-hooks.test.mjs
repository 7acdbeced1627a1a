/** The core's announcements that a record was changed elsewhere: notices to whoever has it open. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onRecordsChanged } from '../../dist/record-hooks.js'
import { connect } from '../support/clients.mjs'
import { Logger } from '../support/core.mjs'
import { createServer } from '../support/servers.mjs'

/** As the core and its commands emit them. */
const NOTICES = [
  [
    'record:updated',
    { record: { id: 'noise' }, user: { id: 1 }, action: 'update' },
    'This record was changed elsewhere.',
  ],
  ['record:published', { record: { id: 'noise' }, action: 'publish' }, 'This record was published elsewhere.'],
  ['record:committed', { record: { id: 'noise' } }, 'This record was committed elsewhere.'],
  ['status:changed', { record: { id: 'noise' }, newStatus: 'adopted' }, 'The status of this record is now adopted.'],
  ['status:changed', { record: { id: 'noise' } }, 'The status of this record changed.'],
  ['record:updated', { recordId: 'noise' }, 'This record was changed elsewhere.'],
  ['record:updated', { id: 'noise' }, 'This record was changed elsewhere.'],
]

test('each becomes a notice in the room, in words that say what happened', async (t) => {
  const { core, server } = await createServer(t)
  const [noise, zoning] = [connect(t, server), connect(t, server, { room: 'records/zoning' })]
  await Promise.all([noise.acknowledged, zoning.acknowledged])
  for (const [index, [hook, payload, message]] of NOTICES.entries()) {
    await core.hookSystem.emit(hook, payload)
    const count = () => noise.frames.filter(({ event }) => event === 'notice')
    await noise.frame(() => count().length === index + 1)
    assert.deepEqual(count().at(-1).notice, { level: 'info', message })
  }
  assert.ok(!zoning.frames.some(({ event }) => event === 'notice'))
  await core.hookSystem.emit('record:updated', { record: { id: 'nobody-has-it-open' } })
  assert.deepEqual(core.logger.messages('error'), [])
})

test('payloads that name no record are ignored with a warning', () => {
  const logger = new Logger()
  const listeners = onRecordsChanged(logger, () => assert.fail('no record'))
  const payloads = [
    undefined,
    null,
    'noise',
    7,
    [],
    {},
    { record: null },
    { record: 'noise' },
    { record: { title: 'Noise', path: 'records/bylaw/noise.md' } },
    { record: { id: 7 } },
    { recordId: '' },
    { commitHash: 'abc', message: 'm', role: 'clerk' },
  ]
  for (const listener of Object.values(listeners)) for (const payload of payloads) listener(payload)
  assert.equal(logger.messages('warn').length, payloads.length * Object.keys(listeners).length)
})

test('an id that cannot be one is an error in the log, not in the bus', async (t) => {
  const { core, server } = await createServer(t)
  const client = connect(t, server)
  await client.acknowledged
  await core.hookSystem.emit('record:updated', { record: { id: '../noise' } })
  await core.hookSystem.emit('record:updated', { record: { id: 'noise' } })
  await client.frame(({ event }) => event === 'notice')
  assert.ok(core.logger.messages('error').some((message) => /record:updated/.test(message)))
})

test('every hook that is heard is unheard at the shutdown', async (t) => {
  const { core, server } = await createServer(t)
  const names = [...core.hookSystem.handlers.keys()]
  assert.deepEqual(new Set(names), new Set(['auth:sessions:revoked', ...NOTICES.map(([hook]) => hook)]))
  await server.shutdown()
  for (const name of names) assert.deepEqual(core.hookSystem.handlers.get(name), [])
})
