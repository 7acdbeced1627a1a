/** A town's busy morning: many rooms at once, and one record that is long. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { converged, openEditor } from '../support/editor.mjs'
import { TestHost, startEngine } from '../support/engine.mjs'

const ROOMS = 60
const LONG_PARAGRAPHS = 6_000

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index))

test('in 60 rooms with 120 people each room gets its own edits, and nobody is counted once they have left', async (t) => {
  const engine = await startEngine(t, { config: { rate_limiting: { connections_per_ip: 2 * ROOMS } } })
  const pairs = await Promise.all(
    times(ROOMS, (n) =>
      Promise.all(
        ['ann', 'bob'].map((who) => openEditor(t, engine, { room: `records/bylaw-${n}`, token: `token-${who}${n}` })),
      ),
    ),
  )
  assert.equal(engine.module.rooms().length, ROOMS)
  assert.equal(engine.module.health().connections, 2 * ROOMS)

  pairs.forEach(([ann, bob], n) => {
    ann.write(`Ann in ${n}.`)
    bob.write(`Bob in ${n}.`)
  })
  await Promise.all(pairs.map(([ann, bob], n) => Promise.all([ann.sees(`Bob in ${n}.`), bob.sees(`Ann in ${n}.`)])))
  await Promise.all(pairs.map(converged))
  pairs.forEach(([ann], n) => {
    assert.deepEqual([...ann.paragraphs].sort(), [`Ann in ${n}.`, `Bob in ${n}.`, 'Noise at night.'])
  })

  pairs.flat().forEach((editor) => editor.leave())
  await engine.host.hooks.atLeast(2 * ROOMS, ({ name }) => name === 'realtime:client:disconnected', 'disconnected')
  assert.equal(engine.module.health().connections, 0)
})

test('a record of over 500 KB is opened, edited by two and opened again, with every paragraph in its place', async (t) => {
  const host = new TestHost()
  const paragraphs = times(LONG_PARAGRAPHS, (n) => `Section ${n}. ${'The council may by resolution amend it. '.repeat(2)}End.`)
  host.texts.set('long', paragraphs.join('\n\n'))
  assert.ok(host.texts.get('long').length > 500_000)
  const engine = await startEngine(t, { host })
  const ann = await openEditor(t, engine, { room: 'records/long' })
  const bob = await openEditor(t, engine, { room: 'records/long', token: 'token-bob' })
  assert.deepEqual(ann.paragraphs, paragraphs)

  ann.write('Added by Ann.')
  bob.write('Added by Bob.')
  await Promise.all([ann.sees('Added by Bob.'), bob.sees('Added by Ann.')])
  const cyd = await openEditor(t, engine, { room: 'records/long', token: 'token-cyd' })
  await cyd.sees('Added by Ann.', 'Added by Bob.')
  assert.deepEqual(cyd.paragraphs, ann.paragraphs)
  assert.deepEqual(cyd.paragraphs.slice(0, LONG_PARAGRAPHS), paragraphs)
})
