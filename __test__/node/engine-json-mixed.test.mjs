/** JSON clients and stock ones in one room. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { joinWithDocument } from '../support/json-client.mjs'
import { startEngine } from '../support/live-engine.mjs'
import { joinStock, stockReads } from '../support/stock-client.mjs'

const isPresence = (frame) => frame.type === 'presence'

test('everybody sees what anybody writes', async (t) => {
  const live = await startEngine(t)
  const stock = await joinStock(t, live)
  // The stock client's text is another root of the same document.
  const { document: json } = await joinWithDocument(t, live, { token: 'token-ben' })
  const text = stock.doc.getText('content')
  const read = (expected) => stock.changes.first(() => text.toString() === expected, `text ${expected}`)
  text.insert(0, 'stock')
  await json.reads('stock')
  json.text.insert(5, ' and JSON')
  await read('stock and JSON')
  const { document: late } = await joinWithDocument(t, live, { token: 'token-ben' })
  assert.equal(late.text.toString(), 'stock and JSON')
  const lateStock = await joinStock(t, live)
  assert.equal(lateStock.doc.getText('content').toString(), 'stock and JSON')
  await stockReads(lateStock, 'stock and JSON')
})

test('everybody sees where anybody is', async (t) => {
  const live = await startEngine(t)
  const stock = await joinStock(t, live)
  const { client: json } = await joinWithDocument(t, live, { token: 'token-ben' })
  const states = () => [...stock.provider.awareness.getStates().values()]

  stock.provider.awareness.setLocalState({ user: { name: 'Annie', color: '#123456' }, cursor: { anchor: 1, head: 2 } })
  const seen = await json.next((frame) => isPresence(frame) && frame.event === 'cursor')
  assert.deepEqual(seen.user, { id: 1, name: 'Annie', color: '#123456' })
  assert.deepEqual(seen.cursor, { anchor: 1, head: 2 })

  json.send({ type: 'presence', event: 'cursor', user: { name: 'Benny', color: '#654321' }, cursor: { anchor: 7 } })
  await stock.changes.first(() => states().some((state) => state.user?.name === 'Benny'))
  const shown = states().find((state) => state.user?.name === 'Benny')
  assert.deepEqual(shown, { user: { id: 2, name: 'Benny', color: '#654321' }, cursor: { anchor: 7 } })

  await json.close()
  await stock.changes.first(() => states().length === 1, 'the JSON client is gone')
  const { client: again, room } = await joinWithDocument(t, live, { token: 'token-ben' })
  assert.deepEqual(room.participants.map(({ name }) => name), ['Annie', 'Ben'])
  assert.equal((await again.next(isPresence)).user.name, 'Annie', 'who is here is shown on joining')
  stock.provider.destroy()
  const left = await again.next((frame) => isPresence(frame) && frame.event === 'left')
  assert.equal(left.user.id, 1)
})
