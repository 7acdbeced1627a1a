/** While the disk takes nothing, editing goes on, nobody is told that anything is saved, and then all of it is. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { openEditor, paragraphUpdate } from '../support/editor.mjs'
import { startEngine, temporaryFolder } from '../support/engine.mjs'
import { fullDisks } from '../support/full-disk.mjs'
import { connectRaw, frame } from '../support/raw-client.mjs'

/** More than what a write-ahead log has room for already, and not to be compressed into nothing. */
const LARGE = randomBytes(500_000).toString('hex')

for (const [what, makeDisk] of Object.entries(fullDisks)) {
  for (const storage of ['database', 'filesystem']) {
    test(`${what}, snapshots in the ${storage}`, async (t) => {
      const disk = await makeDisk(t)
      if (!disk) return t.skip('the system does not let us')
      const config = { snapshots: { storage, max_updates: 3 } }
      const engine = await startEngine(t, { folder: disk.folder, config })
      const { host, module } = engine
      const writer = connectRaw(t, engine, { query: '?ack=echo' })
      await writer.acknowledged()
      const bob = await openEditor(t, engine, { token: 'token-bob' })
      const echoed = (update) => writer.frames.first(isEcho(update), 'the echo')
      const write = async (text) => {
        const update = paragraphUpdate(text)
        writer.send(frame.update(update))
        await bob.sees(text)
        return update
      }
      await echoed(await write('Before.'))
      await module.snapshot('records:noise')

      await disk.fill()
      const late = [await write(LARGE), await write('While nothing can be written.')]
      assert.equal((await host.hook('realtime:storage:state')).state, 'degraded')
      assert.equal(module.health().status, 'degraded')
      await assert.rejects(module.snapshot('records:noise'), { code: 'STORAGE_FAILED' })
      assert.deepEqual(late.map((update) => writer.frames.all(isEcho(update)).length), [0, 0])
      // What a process that is killed now leaves: all that was there before.
      const left = await temporaryFolder(t)
      await disk.copy(left)

      await disk.empty()
      await host.hook('realtime:storage:state', ({ state }) => state === 'healthy')
      for (const update of late) await echoed(update)
      assert.equal(module.health().status, 'healthy')
      await module.shutdown()
      const all = ['Noise at night.', 'Before.', LARGE, 'While nothing can be written.']
      for (const [folder, expected] of [
        [left, all.slice(0, 2)],
        [disk.folder, all],
      ]) {
        const again = await startEngine(t, { folder, config })
        const cyd = await openEditor(t, again, { token: 'token-cyd' })
        assert.deepEqual(cyd.paragraphs.map(short).sort(), expected.map(short).sort())
        assert.deepEqual(again.host.told('realtime:snapshot:integrity-failed'), [])
      }
    })
  }
}

const isEcho = (update) => ({ type, body }) => type === 'update' && Buffer.from(body).equals(Buffer.from(update))

const short = (text) => text.slice(0, 30)
