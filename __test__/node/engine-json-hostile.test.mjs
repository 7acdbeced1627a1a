/** What a JSON client may not do: it is told, stays connected, and nobody else notices. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, join, updateOf } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'

const bytes = (...hex) => base64(Buffer.from(hex.join(''), 'hex'))
const deep = (depth) => '['.repeat(depth) + ']'.repeat(depth)
const sync = (update, more = '') => `{"type":"sync","update":"${update}"${more}}`
const presence = (more) => `{"type":"presence","event":"cursor"${more}}`

/** Each is answered with one error frame of this code. */
const HOSTILE = {
  INVALID_MESSAGE: {
    'no JSON': 'nonsense',
    'half of JSON': '{"type":"sync"',
    'no object': '[1,2]',
    'no type': '{}',
    'a type that is no text': '{"type":{"a":1}}',
    'an unknown type': '{"type":"dance"}',
    'two types': '{"type":"ping","type":"sync"}',
    'an array bomb': deep(200_000),
    'an unfinished array bomb': '['.repeat(200_000),
    'an object bomb': '{"type":"sync","update":'.repeat(50_000),
    'a long type': `{"type":"${'x'.repeat(1_000_000)}"}`,
    'a sync without an update': '{"type":"sync"}',
    'an update that is a number': '{"type":"sync","update":7}',
    'wrong base64': sync('***'),
    'base64 without its end': sync('AAA'),
    'URL-safe base64': sync('__--'),
    'a negative version': sync('AAA=', ',"version":-1'),
    'a version that is a text': sync('AAA=', ',"version":"1"'),
    'an unknown presence event': '{"type":"presence","event":"danced"}',
    'a deep cursor': presence(`,"cursor":${deep(5_000)}`),
    'a large cursor': presence(`,"cursor":"${'x'.repeat(20_000)}"`),
    'a huge cursor': presence(`,"cursor":"${'x'.repeat(2_000_000)}"`),
    'a user that is a text': presence(',"user":"Ann"'),
    'presence in wrong base64': presence(',"awareness":"*"'),
  },
  INVALID_YJS_UPDATE: {
    'no bytes': sync(''),
    'counts without bytes': sync(bytes('ffffff7a')),
    'counts without bytes, again': sync(bytes('bbfaec60173dfa4978')),
    'an update that poisons documents': sync(
      base64(Buffer.from([1, 1, 0, 1, 2, 2, 2, 132, 127, 0, 1, 3, 1, 8, 1, 1, 97, 1, 119, 1, 118, 1, 3, 1, 0, 1])),
    ),
    'half an update': sync(base64(updateOf('hello').subarray(0, 10))),
    'noise': sync(base64(Buffer.alloc(100_000, 0xa7))),
    'presence with counts without bytes': presence(`,"awareness":"${bytes('ffffff7a')}"`),
  },
}

test('hostile frames are answered one by one', async (t) => {
  const live = await startEngine(t)
  const { client: ben } = await join(t, live, { token: 'token-ben' })
  const { client: ann } = await join(t, live)
  await ben.settle()
  for (const [code, frames] of Object.entries(HOSTILE)) {
    for (const [what, frame] of Object.entries(frames)) {
      ann.send(frame)
      const answers = await ann.settle()
      const errors = answers.filter((answer) => answer.event === 'error').map(({ error }) => error)
      if (what === 'an update that poisons documents' && errors.length === 0) {
        // Its ground is missing, which is no fault: what cannot be used is left out.
        assert.deepEqual(answers.map(({ event }) => event), ['room_state'], what)
        continue
      }
      assert.deepEqual(errors.map((error) => error.code), [code], what)
      assert.ok(errors[0].message.length < 1_000, `${what}: ${errors[0].message.length}`)
    }
  }
  const before = (await ben.settle()).filter((frame) => frame.type !== 'presence')
  assert.deepEqual(before, [], 'nobody else has noticed')
  ann.send({ type: 'sync', update: base64(updateOf('still here')) })
  await ben.next((frame) => frame.type === 'sync')
  await join(t, live, { token: 'token-vic' })
  assert.equal(live.engine.health().status, 'healthy')
})

test('a message over the limit ends the connection with 1009', async (t) => {
  const live = await startEngine(t, { config: { limits: { frame_bytes_max: 65_536 } } })
  const { client: ann } = await join(t, live)
  ann.send({ type: 'sync', update: 'A'.repeat(100_000) })
  assert.equal((await ann.closed).code, 1009)
  await join(t, live)
})
