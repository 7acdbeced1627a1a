/** Who reads nothing is kept the newest of everything, and a document that all join is encoded once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openEditor } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { manyClients } from '../support/many-clients.mjs'
import { metric } from '../support/metrics.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

const MIB = 1024 * 1024

const config = {
  // The largest document here, and something more.
  document: { bytes_max: 16 * MIB },
  rate_limiting: {
    frames_per_second_max: 1_000_000,
    bytes_per_second_max: 1024 * MIB,
    connections_per_ip: 1_000,
    connections_per_user: 1_000,
  },
}

/** Together more than the system's own buffers hold. */
const STATES = 4_000
const STATE_BYTES = 10_000

test('of presence a stalled reader is kept the newest state, and nobody else is held up', async (t) => {
  const engine = await startEngine(t, { config })
  const ann = connectRaw(t, engine)
  await ann.acknowledged()
  const slow = connectRaw(t, engine, { token: 'token-bob' })
  await slow.acknowledged()
  slow.socket.pause()
  const isOfAnn = ({ states }) => states?.some(({ client }) => client === 7)
  const stateIs = (number) => (entry) => isOfAnn(entry) && entry.states.at(-1).state?.number === number
  const encoded = await metric(engine, 'encodings_total')
  const filler = 'x'.repeat(STATE_BYTES)
  for (let number = 1; number <= STATES; number += 1) {
    ann.send(frame.awareness({ client: 7, clock: number, state: { number, filler } }))
    // One after the other: what waits for its sender is the newest as well.
    if (number % 100 === 0) await ann.frames.first(stateIs(number), `state ${number}`)
  }
  assert.equal(await metric(engine, 'encodings_total'), encoded, 'no caret makes anybody encode a document')
  slow.socket.resume()
  await slow.frames.first(stateIs(STATES), 'the last state')
  const seen = slow.frames.all(isOfAnn).length
  assert.ok(seen < STATES, `it was sent ${seen} of ${STATES} states`)
})

const JOINING = 60
const DOCUMENT_BYTES = 10 * MIB

test('of those who join a document of 10 MiB and read nothing, all are sent the same bytes', async (t) => {
  const engine = await startEngine(t, { config })
  const ann = await openEditor(t, engine)
  ann.doc.getText('appendix').insert(0, 'x'.repeat(DOCUMENT_BYTES))
  ann.write('The end.')
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  await bob.sees('The end.')
  const encoded = await metric(engine, 'encodings_total')
  const before = process.memoryUsage().rss
  const clients = manyClients(t)
  await clients.open(engine, JOINING, { stalled: true })
  assert.ok((await metric(engine, 'encodings_total')) - encoded <= 1, 'encoded once')
  const growth = process.memoryUsage().rss - before
  t.diagnostic(`${JOINING} stalled readers of ${DOCUMENT_BYTES} bytes: ${growth} bytes more`)
  assert.ok(growth < (JOINING * DOCUMENT_BYTES) / 3, `${growth} bytes more`)
  // Nobody else waits for them.
  ann.write('After the end.')
  await bob.sees('After the end.')
  await clients.leave()
})
