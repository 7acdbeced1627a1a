/** Cuts the power at moments of a recording and looks at what is left: on the disk, and in an engine started on it. */

import assert from 'node:assert/strict'
import { access, rm } from 'node:fs/promises'
import path from 'node:path'

import { FileHost } from '../crash/victim.mjs'
import { readStored } from '../crash/stored.mjs'
import { paragraphsOf } from '../support/editor.mjs'
import { startEngine, temporaryFolder } from '../support/engine.mjs'
import { connectRaw, documentOf } from '../support/raw-client.mjs'
import { Disk, play, writeImage } from './disk.mjs'
import { DATA, ROOMS } from './recording.mjs'
import { tearing } from './tearing.mjs'

/**
 * @param recording as of `recording.mjs`; `moments` to cut in others
 * @param cuts `{at, way, starts}` as of `cuts.mjs`; `starts` is how an engine is configured that is started on what is
 *   left, if any is
 * @param found takes what is wrong and says whether that is enough; without it, what is wrong fails
 */
export async function cutPower(t, { recording, moments = recording.moments, cuts, random, program, found }) {
  const folder = path.join(await temporaryFolder(t), 'image')
  const disk = new Disk(recording.folder)
  const known = new Map(ROOMS.map((room) => [room, new Map()]))
  let at = 0
  for (const cut of cuts.toSorted((a, b) => a.at - b.at)) {
    for (; at < cut.at; at++) {
      play(disk, moments[at])
      if (moments[at].told) note(known, moments[at].told)
    }
    await writeImage(disk.afterLoss(tearing(random, cut.way)), folder)
    const where = `files after power was cut at ${cut.at} of ${moments.length} (${cut.way})`
    try {
      await check(t, { recording, folder, known, where, program, starts: cut.starts })
    } catch (error) {
      if (!found) throw error
      if (found(error)) return
    } finally {
      await rm(folder, { recursive: true })
    }
  }
}

/** From now on this must be on the disk. */
function note(known, { room, edit: { text, isDeletion } }) {
  const before = known.get(room).get(text)
  known.get(room).set(text, isDeletion ? { ...before, deletionSaved: true } : { ...before, saved: true })
}

async function check(t, { recording, folder, known, where, program, starts }) {
  const stored = await storedParagraphs(program, path.join(folder, DATA)).catch((error) => {
    throw new Error(`${error.message}, in the ${where}`, { cause: error })
  })
  for (const [room, ledger] of recording.ledgers) {
    checkRoom(ledger, stored.get(room), where, known.get(room))
  }
  if (starts) await checkStarted(t, { recording, folder, known, where, stored, config: starts })
}

/** A room that is not there must be one of which nothing is known to be saved. */
function checkRoom(ledger, paragraphs, where, known) {
  if (paragraphs) ledger.check(paragraphs, `the ${where}`, known)
  else assert.ok(known.size === 0, `${known.size} edits that were saved are not in the ${where}, nor is their room`)
}

/** The paragraphs of each room, by its local id. */
async function storedParagraphs(program, data) {
  const isThere = await access(path.join(data, 'realtime.db')).then(() => true, () => false)
  const rooms = isThere ? await readStored(program, data) : []
  return new Map(rooms.map(({ id, paragraphs }) => [id.split(':')[1], paragraphs]))
}

/** An engine starts on what is left, and sends what was read. */
async function checkStarted(t, { recording, folder, known, where, stored, config }) {
  const storage = { ...config.storage, file: path.join(folder, DATA, 'realtime.db') }
  const host = await new FileHost(path.join(folder, 'texts')).open()
  const engine = await startEngine(t, { folder, host, config: { ...config, storage } })
  for (const room of ROOMS) {
    const client = connectRaw(t, engine, { room: `records/${room}` })
    await client.frames.first(({ type }) => type === 'step2', 'the state')
    const sent = paragraphsOf(documentOf(client.frames))
    recording.ledgers.get(room).check(sent, `what an engine sends from the ${where}`, known.get(room))
    if (stored.has(room)) assert.deepEqual(sent, stored.get(room), `what an engine sends from the ${where}`)
    client.socket.terminate()
  }
  await engine.module.shutdown()
}
