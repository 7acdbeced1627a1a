/** Acknowledgements for JSON clients. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, join, textIn, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('`saved` comes for each change once it is on disk', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live, { query: '?ack=saved' })
  ann.send({ type: 'sync', update: base64(updateOf('one')) })
  const first = await ann.control('saved')
  ann.send({ type: 'sync', update: base64(updateOf('two')) })
  const second = await ann.control('saved')
  assert.ok(second.version > first.version)
})

test('an echo is JSON as everything else', async (t) => {
  const live = await startEngine(t)
  const { client: ann, ack } = await join(t, live, { query: '?ack=echo' })
  ann.send({ type: 'sync', update: base64(updateOf('one')) })
  const echo = await ann.next((frame) => frame.type === 'sync')
  assert.equal(echo.from, ack.clientId)
  assert.equal(textIn(echo.update), 'one')
})

test('nobody is told of saving who has not asked', async (t) => {
  const live = await startEngine(t)
  const { client: ann } = await join(t, live)
  ann.send({ type: 'sync', update: base64(updateOf('one')) })
  await ann.settle()
  await live.engine.snapshot('records:noise')
  assert.deepEqual(await ann.settle(), [])
})
