/** Holds the disk that is played against the one that there is. */

import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'

import { Disk, play } from './disk.mjs'

/** Calls that may be unfinished when a process is killed; each may have been done or not. */
const UNFINISHED_MAX = 6

/**
 * The operations of one more trace that were done: a kill leaves some unfinished, and the real files tell. With them the
 * disk must have what the files have, which also shows that nothing was missed.
 *
 * @param moments what was before
 */
export async function whatWasDone(moments, operations, folder) {
  const isOpen = ({ end }) => end === Infinity
  // A sync that did not return is none.
  const begun = operations.filter((operation) => !(isOpen(operation) && operation.does === 'sync'))
  const open = begun.filter(isOpen)
  if (open.length > UNFINISHED_MAX) throw new Error(`${open.length} operations of a trace are unfinished`)
  const files = await contents(folder)
  let difference
  for (let choice = 0; choice < 2 ** open.length; choice++) {
    const done = begun.filter((operation) => !isOpen(operation) || choice & (1 << open.indexOf(operation)))
    const disk = new Disk(folder)
    for (const moment of moments) play(disk, moment)
    for (const operation of done) disk.begin(operation)
    difference = differing(disk.present(), files)
    if (difference === undefined) return done.map((operation) => (isOpen(operation) ? { ...operation, end: operation.start } : operation))
  }
  throw new Error(`the disk that is played is not the one that there is: ${difference}`)
}

/** What is in a folder: `{path: bytes}`, with null for a folder. */
async function contents(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(({ name }) => !name.endsWith('-shm'))
  return new Map(
    await Promise.all(
      files.map(async (entry) => {
        const file = path.join(entry.parentPath ?? entry.path, entry.name)
        return [path.relative(folder, file), entry.isDirectory() ? null : await readFile(file)]
      }),
    ),
  )
}

function differing(played, real) {
  for (const name of new Set([...played.keys(), ...real.keys()])) {
    const [one, other] = [played.get(name), real.get(name)]
    const isSame = one && other ? one.equals(other) : one === other
    if (!isSame) return `${name} has ${one?.length} bytes instead of ${other?.length}, or others`
  }
  return undefined
}
