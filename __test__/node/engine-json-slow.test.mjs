/** A JSON client that reads slowly. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { joinWithDocument } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

test('what was kept from a slow reader comes as one update', async (t) => {
  const limits = { frame_bytes_max: 1 << 20, waiting_bytes_per_client_max: 1 << 20 }
  const live = await startEngine(t, {
    logLevel: 'debug',
    config: { limits, rate_limiting: { messages_per_second: 1_000, bytes_per_second_max: 1 << 28 } },
  })
  const { document: ann } = await joinWithDocument(t, live)
  const { document: ben, client } = await joinWithDocument(t, live, { token: 'token-ben' })
  client.socket.pause()
  const page = 'x'.repeat(200_000)
  // More than the system's buffers and the queue hold.
  const slow = () => live.logs.all.some(({ data }) => data.operation === 'realtime:client:slow')
  for (let pages = 0; !slow() && pages < 1_000; pages++) {
    ann.text.insert(0, `${pages} ${page}`)
    ann.text.delete(0, ann.text.length)
    await ann.client.settle()
  }
  assert.ok(slow())
  for (let pages = 0; pages < 10; pages++) ann.text.insert(0, page)
  ann.text.delete(0, ann.text.length)
  ann.text.insert(0, 'the end')
  await ann.client.settle()
  client.socket.resume()
  await ben.reads('the end')
  const caughtUp = client.frames.all.filter((frame) => frame.type === 'sync' && frame.from === undefined)
  assert.equal(caughtUp.length, 1)
  ann.text.insert(0, 'not ')
  await ben.reads('not the end')
})
