/** `examples/json-client.mjs`, as a module and as a program. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { joinRoom, textOf, writeLine } from '../../examples/json-client.mjs'
import { Happenings, startEngine } from '../support/live-engine.mjs'
import { joinStock } from '../support/stock-client.mjs'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../examples/json-client.mjs', import.meta.url))

function enter(t, live, token, room = 'records/noise') {
  const happened = new Happenings()
  const names = ['state', 'change', 'presence', 'saved', 'control', 'closed']
  const listeners = Object.fromEntries(names.map((name) => [name, (...args) => happened.push([name, ...args])]))
  const client = joinRoom(`${live.url}/${room}`, token, listeners)
  t.after(() => client.leave())
  return { ...client, happened, once: (name) => happened.first(([happening]) => happening === name) }
}

test('two of them, and an editor, share a record', async (t) => {
  const live = await startEngine(t)
  live.records.set('noise', 'Quiet from ten.')
  const ann = enter(t, live, 'token-ann')
  const [, state] = await ann.once('state')
  assert.deepEqual(state.participants.map(({ name }) => name), ['Ann'])
  assert.equal(textOf(ann.doc), 'Quiet from ten.')
  const ben = enter(t, live, 'token-ben')
  await ben.once('state')
  const stock = await joinStock(t, live)

  writeLine(ann.doc, 'Except on Saturdays.')
  await ann.once('saved')
  await ben.once('change')
  await stock.changes.first(() => textOf(stock.doc) === textOf(ann.doc), 'the same text')
  assert.equal(textOf(ben.doc), 'Quiet from ten.\nExcept on Saturdays.')
  ann.moveTo({ line: 2 }, { name: 'Annie' })
  const [, event, user, cursor] = await ben.happened.first(([name, event]) => name === 'presence' && event === 'cursor')
  assert.deepEqual([event, user.name, cursor], ['cursor', 'Annie', { line: 2 }])

  await live.engine.snapshot('records:noise')
  assert.equal(live.drafts.get('noise').trim(), 'Quiet from ten.\n\nExcept on Saturdays.')
})

test('a viewer who writes is told, and does not do so again and again', async (t) => {
  const live = await startEngine(t)
  const vic = enter(t, live, 'token-vic')
  await vic.once('state')
  writeLine(vic.doc, 'graffiti')
  const [, message] = await vic.happened.first(([name, message]) => name === 'control' && message.event === 'error')
  assert.equal(message.error.code, 'PERMISSION_DENIED')
})

test('as a program it writes a line and ends once it is on disk', async (t) => {
  const live = await startEngine(t)
  live.records.set('noise', 'Quiet from ten.')
  const args = [program, `${live.url}/records/noise`, 'token-ann', 'Written by a script.', '--once']
  const { stdout } = await run(process.execPath, args)
  assert.match(stdout, /^connection\.ack\nversion \d+, here: Ann\nQuiet from ten\.\nsaved\nclosed with 1000/)
  await live.engine.snapshot('records:noise')
  assert.equal(live.drafts.get('noise').trim(), 'Quiet from ten.\n\nWritten by a script.')
  const refused = await run(process.execPath, [program, `${live.url}/records/noise`, 'token-nobody'])
  assert.match(refused.stdout, /closed with 4001/)
})
