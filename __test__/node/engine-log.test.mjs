/** What is logged, and what never is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { base64, connect, join, updateOf } from '../support/json-client.mjs'
import { hook, startEngine } from '../support/live-engine.mjs'
import { recordingType } from '../support/recording-type.mjs'
import { joinStock } from '../support/stock-client.mjs'

const LEVELS = ['error', 'warn', 'info', 'debug']

/** A little of everything: comings and goings, edits, refusals, faults, a save, a room type, the end. */
async function live(t, live, { text, token = 'token-ann' }) {
  live.records.set('noise', `${text} from the record`)
  live.engine.registerRoomType('desk', recordingType())
  const { client: ann } = await join(t, live, { token, query: '?ack=saved' })
  const stock = await joinStock(t, live, { token: 'token-ben' })
  const { client: vic, ack } = await join(t, live, { token: 'token-vic' })
  stock.doc.getText('content').insert(0, `${text} from an editor`)
  stock.provider.awareness.setLocalState({ user: { name: `${text} as a name` }, cursor: text })
  ann.send({ type: 'sync', update: base64(updateOf(`${text} over JSON`)) })
  await ann.control('saved')
  ann.send({ type: 'presence', event: 'cursor', cursor: text, user: { name: text } })
  ann.send({ type: text, text })
  ann.send({ type: 'sync', update: { text } })
  ann.send({ type: 'presence', event: text })
  ann.send({ type: 'hello', protocol: text })
  ann.send(`not JSON: ${text}`)
  ann.send({ type: 'sync', update: Buffer.from(text).toString('base64') })
  ann.send({ type: 'presence', event: 'awareness', awareness: Buffer.from(text).toString('base64') })
  ann.send(Buffer.from([0, 2, text.length, ...Buffer.from(text)]))
  vic.send({ type: 'sync', update: base64(updateOf(`${text} of a viewer`)) })
  await Promise.all([ann.settle(), vic.settle()])
  const desk = connect(t, live, { room: 'desk/1', token })
  await desk.control('connection.ack')
  desk.send(text)
  await desk.settle()
  await live.engine.snapshot('records:noise')
  await live.engine.lockRoom('records:noise', 'a vote')
  await live.engine.setPermissions(ack.clientId, { canView: false })
  await vic.closed
  await connect(t, live, { query: `?token=${token}`, token: null }).closed
  await connect(t, live, { query: `?access_token=${token}`, token: null, room: 'desk/1' }).closed
  await connect(t, live, { token: `${token}-wrong` }).closed
  await connect(t, live, { token: null, protocols: [`auth.${token}-wrong`] }).closed
  await connect(t, live, { room: 'nowhere/1', token }).closed
  await connect(t, live, { room: 'records/a%2Fb', token }).closed
  live.engine.revoke(1)
  await ann.closed
  await desk.closed
  await live.engine.shutdown()
  await live.hooks.count(2, ({ name }) => name === 'realtime:room:destroyed')
}

for (const level of LEVELS) {
  test(`from ${level} up, each line with its operation`, async (t) => {
    const engine = await startEngine(t, { logLevel: level })
    await live(t, engine, { text: 'a text' })
    const allowed = LEVELS.slice(0, LEVELS.indexOf(level) + 1)
    const lines = engine.logs.all
    for (const line of lines) {
      assert.ok(allowed.includes(line.level), JSON.stringify(line))
      assert.match(line.data.operation ?? '', /^realtime:[a-z-]+:[a-z-]+$/, JSON.stringify(line))
      assert.ok(line.message.length > 0)
    }
    const seen = new Set(lines.map((line) => line.level))
    for (const expected of allowed) assert.ok(seen.has(expected), `something at ${expected}`)
  })
}

test('lines about connections say which, where and who', async (t) => {
  const engine = await startEngine(t)
  engine.engine.registerRoomType('desk', recordingType())
  for (const [room, key] of [['records/noise', 'records:noise'], ['desk/1', 'desk:1']]) {
    const client = connect(t, engine, { room })
    const { clientId } = await client.control('connection.ack')
    await client.close()
    await hook(engine, 'realtime:client:disconnected', { clientId })
    const line = (operation) =>
      engine.logs.first(({ data }) => data.operation === operation && data.client === clientId)
    const connected = await line('realtime:client:connected')
    assert.deepEqual([connected.level, connected.data.room, connected.data.user], ['info', key, '1'])
    const left = await line('realtime:client:disconnected')
    assert.deepEqual([left.level, left.data.room, left.data.user, left.data.reason], ['info', key, '1', 'closed'])
  }
  const refused = connect(t, engine, { token: 'token-nobody' })
  const { error } = await refused.control('error')
  const line = await engine.logs.first(({ data }) => data.operation === 'realtime:client:refused')
  assert.equal(line.level, 'error')
  const { client, ...context } = line.data
  assert.match(client, /^client_/)
  assert.deepEqual(context, {
    operation: 'realtime:client:refused', room: 'records:noise', ip: '127.0.0.1', code: 'AUTH_FAILED',
    correlationId: error.correlationId,
  })
})

test('neither tokens nor what is written are ever in a line or a hook', async (t) => {
  const TOKEN = 'SECRETTOKEN0123456789abcdef'
  const TEXT = 'CONFIDENTIALTEXT'
  const engine = await startEngine(t, { logLevel: 'debug' })
  engine.users.set(TOKEN, { id: 1, name: 'Ann', role: 'clerk', canEdit: true })
  await live(t, engine, { text: TEXT, token: TOKEN })
  const encoded = [TOKEN, TEXT].flatMap((secret) => [
    secret, Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1), Buffer.from(secret).toString('hex'),
    JSON.stringify([...Buffer.from(secret)]).slice(1, -1),
  ])
  assert.ok(engine.logs.all.some(({ data }) => data.operation === 'realtime:client:message'), 'debug lines are there')
  assert.ok(engine.hooks.all.some(({ name }) => name === 'realtime:room:apply-failed'), 'faults are there')
  for (const told of [...engine.logs.all, ...engine.hooks.all]) {
    const shown = JSON.stringify(told)
    for (const secret of encoded) assert.ok(!shown.includes(secret), shown)
  }
})
