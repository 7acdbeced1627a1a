/** Somebody who reads nothing costs the others nothing, and gets what is missing as soon as they read again. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { applyUpdate, Doc } from 'yjs'

import { openEditor, paragraphsOf } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { waitFor } from '../support/journal.mjs'
import { connectRaw, decode } from '../support/raw-client.mjs'

const KIB = 1024

/** Small enough to be reached soon, beyond what the system's own buffers hold. */
const config = {
  limits: { frame_bytes_max: 256 * KIB, waiting_bytes_per_client_max: 256 * KIB },
  rate_limiting: { messages_per_second: 2_000, bytes_per_second_max: 1024 * KIB * KIB },
}

/** One key press of a very large paste, in bytes. */
const PASTE_BYTES = 64 * KIB

/** Pastes in a row between looks at whether the reader has fallen behind. */
const PASTES_PER_ROUND = 8

/** Waits until a paragraph is there. */
function has(doc, text) {
  const look = () => paragraphsOf(doc).includes(text)
  const subscribe = (again) => {
    doc.on('update', again)
    return () => doc.off('update', again)
  }
  return waitFor(look, subscribe, () => text)
}

test('who stops reading is left behind alone, and caught up with what they lack', async (t) => {
  const engine = await startEngine(t, { config })
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  const slow = connectRaw(t, engine, { token: 'token-cyd' })
  await slow.frames.first(({ type }) => type === 'step2', 'the state')

  let bytes = 0
  const doc = new Doc()
  slow.socket.on('message', (data, isBinary) => {
    bytes += data.length
    if (!isBinary) return
    const { type, body } = decode(data)
    if (type === 'update') applyUpdate(doc, body)
  })
  for (const { type, body } of slow.frames.entries) if (type === 'step2' || type === 'update') applyUpdate(doc, body)
  slow.socket.pause()

  const isBehind = ({ message }) => /reads too slowly/.test(message)
  const paragraph = ann.fragment.get(0).get(0)
  let pasted = 0
  for (let round = 0; engine.host.logs.all(isBehind).length === 0; round++) {
    assert.ok(round < 200, 'it fell behind by now')
    for (let paste = 0; paste < PASTES_PER_ROUND; paste++) {
      // In place of the last, so that the document stays small however much is sent.
      ann.doc.transact(() => {
        paragraph.delete(0, paragraph.length)
        paragraph.insert(0, `${round}-${paste} `.padEnd(PASTE_BYTES, 'x'))
      })
      pasted += PASTE_BYTES
    }
    ann.write(`Round ${round}.`)
    ann.awareness.setLocalStateField('round', round)
    // The others are not held up.
    await bob.sees(`Round ${round}.`)
  }
  // Much more is written that never waits for the slow one.
  for (let more = 0; more < 10 * PASTES_PER_ROUND; more++) {
    paragraph.delete(0, paragraph.length)
    paragraph.insert(0, `more ${more} `.padEnd(PASTE_BYTES, 'y'))
    pasted += PASTE_BYTES
  }
  ann.write('The end.')
  await bob.sees('The end.')
  assert.ok(!paragraphsOf(doc).includes('The end.'))

  slow.socket.resume()
  await has(doc, 'The end.')
  assert.equal(doc.getXmlFragment('default').toString(), bob.fragment.toString())
  assert.ok(bytes < pasted, `it was sent ${bytes} of ${pasted} bytes`)
  assert.deepEqual([...ann.closes.entries, ...bob.closes.entries], [])

  // From here on it is like everybody else.
  ann.write('After the end.')
  await has(doc, 'After the end.')
})
