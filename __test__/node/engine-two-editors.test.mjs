/** People in one room: everybody sees everybody's text and caret, and all end up with the same document. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { converged, openEditor } from '../support/editor.mjs'
import { startEngine } from '../support/engine.mjs'
import { seeded } from '../support/random.mjs'

/** Who an editor sees, itself included. */
const names = ({ awareness }) => [...awareness.getStates().values()].map(({ user }) => user?.name).sort()

test('two see the text of the record, and each other writing', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  assert.deepEqual(ann.paragraphs, ['Noise at night.'])
  ann.write('No drums after ten.')
  await bob.sees('No drums after ten.')
  bob.write('No trumpets either.')
  await ann.sees('No trumpets either.')
  await converged([ann, bob])
  assert.deepEqual(bob.paragraphs, ['Noise at night.', 'No drums after ten.', 'No trumpets either.'])
})

test('carets of all are seen by all, by who comes late too', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine)
  const bob = await openEditor(t, engine, { token: 'token-bob' })
  ann.write('Where the caret stands.')
  const anchor = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(ann.fragment, 1))
  ann.awareness.setLocalStateField('user', { name: 'Ann' })
  ann.awareness.setLocalStateField('cursor', { anchor, head: anchor })
  bob.awareness.setLocalStateField('user', { name: 'Bob' })
  await bob.until(() => names(bob).includes('Ann'))
  await ann.until(() => names(ann).includes('Bob'))

  const cyd = await openEditor(t, engine, { token: 'token-cyd' })
  await cyd.until(() => names(cyd).includes('Ann') && names(cyd).includes('Bob'))
  assert.deepEqual(cyd.paragraphs, ['Noise at night.', 'Where the caret stands.'])
  const { cursor } = cyd.awareness.getStates().get(ann.doc.clientID)
  assert.equal(JSON.stringify(cursor), JSON.stringify({ anchor, head: anchor }))
})

test('rooms do not hear each other, and two spellings of a type are one room', async (t) => {
  const engine = await startEngine(t)
  const ann = await openEditor(t, engine, { room: 'records/one' })
  const bob = await openEditor(t, engine, { room: 'record/one', token: 'token-bob' })
  const cyd = await openEditor(t, engine, { room: 'records/two', token: 'token-cyd' })
  ann.write('In one.')
  cyd.write('In two.')
  await bob.sees('In one.')
  await (await openEditor(t, engine, { room: 'records/two', token: 'token-dan' })).sees('In two.')
  assert.ok(!bob.paragraphs.includes('In two.'))
  assert.ok(!cyd.paragraphs.includes('In one.'))
})

test('whatever several do at once, in whatever order, all end up with the same', async (t) => {
  const random = seeded(t)
  const engine = await startEngine(t)
  const editors = await Promise.all(
    ['ann', 'bob', 'cyd'].map((name) => openEditor(t, engine, { token: `token-${name}` })),
  )
  for (let step = 0; step < 150; step++) {
    const { fragment, doc } = random.pick(editors)
    const paragraph = fragment.length > 0 ? fragment.get(random.below(fragment.length)) : undefined
    const text = paragraph?.get(0)
    doc.transact(() => {
      switch (random.below(4)) {
        case 0: {
          const added = new Y.XmlElement('paragraph')
          added.insert(0, [new Y.XmlText(`paragraph ${step}`)])
          fragment.insert(random.below(fragment.length + 1), [added])
          break
        }
        case 1:
          if (fragment.length > 3) fragment.delete(random.below(fragment.length), 1)
          break
        case 2:
          text?.insert(random.below(text.length + 1), `<${step} é 🎺>`)
          break
        default:
          if (text?.length > 4) text.delete(random.below(text.length - 3), 3)
      }
    })
    // Lets frames of the others arrive in between.
    if (random.below(5) === 0) await new Promise(setImmediate)
  }
  await converged(editors)
  const late = await openEditor(t, engine, { token: 'token-dan' })
  await converged([...editors, late])
  assert.ok(late.fragment.length > 0)
})
