/** What a killed engine left on the disk, read without the engine. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, readFile, readdir, rm } from 'node:fs/promises'
import path from 'node:path'

import * as Y from 'yjs'

import { RealtimeModule } from '../support/engine.mjs'
import { paragraphsOf } from '../support/editor.mjs'

/** Copies what is there and reads the copy: `{id, lastSeq, lastVersion, paragraphs}` of each room. */
export async function readStored(program, folder) {
  const copy = `${folder}-copy`
  await cp(folder, copy, { recursive: true, filter: (file) => !file.endsWith('-shm') })
  try {
    const output = execFileSync(program, [path.join(copy, 'realtime.db')], { maxBuffer: 256 * 1024 * 1024, stdio: 'pipe' })
    const { integrity, rooms } = JSON.parse(output)
    assert.equal(integrity, 'ok', 'the database itself')
    return await Promise.all(rooms.map((room) => restored(room, copy)))
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function restored(room, folder) {
  const { id, lastSeq, log } = room
  const seqs = log.map(([seq]) => seq)
  assert.deepEqual(seqs, [...seqs.keys()].map((at) => lastSeq - seqs.length + 1 + at), `the log of ${id} has no gaps`)
  const rows = room.snapshots.map((row) => ({ ...row, data: Buffer.from(row.data, 'base64') }))
  const snapshots = [...rows, ...(await snapshotFiles(folder, id))]
  snapshots.sort((a, b) => a.version - b.version)
  const newest = snapshots.at(-1)
  assert.ok((newest?.version ?? 0) >= room.snapshotVersion, `the snapshot that ${id} must have is there`)
  const doc = new Y.Doc()
  for (const snapshot of snapshots) {
    const state = await RealtimeModule.unpackSnapshot(snapshot.data, snapshot.size)
    assert.equal(createHash('sha256').update(state).digest('hex'), snapshot.hash, `snapshot ${snapshot.version} of ${id}`)
    if (snapshot === newest) Y.applyUpdate(doc, state)
  }
  for (const [, update] of log) Y.applyUpdate(doc, Buffer.from(update, 'base64'))
  assert.equal(doc.store.pendingStructs ?? doc.store.pendingDs, null, `the log of ${id} fits its snapshot`)
  return { id, lastSeq, lastVersion: Math.max(room.lastVersion, newest?.version ?? 0), paragraphs: paragraphsOf(doc) }
}

/** Snapshots of a room that are files and whole. */
async function snapshotFiles(folder, id) {
  const root = path.join(folder, 'realtime', 'snapshots', encodeURIComponent(id).toLowerCase())
  const names = await readdir(root).catch(() => [])
  const descriptions = names.filter((name) => name.endsWith('.meta.json'))
  const found = await Promise.all(
    descriptions.map(async (name) => {
      const { version, integrity_hash, byte_size } = JSON.parse(await readFile(path.join(root, name), 'utf8'))
      const data = await readFile(path.join(root, name.replace('.meta.json', '.snapshot'))).catch(() => undefined)
      return { version, hash: integrity_hash, size: byte_size, data }
    }),
  )
  // A description without bytes is of a snapshot that was on its way, to here or from here.
  return found.filter(({ data }) => data)
}
