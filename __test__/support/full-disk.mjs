/** Disks that can be filled up and emptied again, in the ways that a system has. */

import { execFileSync } from 'node:child_process'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { atEnd, temporaryFolder } from './engine.mjs'

/** The size of the file system that is filled, in bytes. */
const FILE_SYSTEM_BYTES = 16 * 1024 * 1024

/** How large a file may become where files are limited, in bytes: nothing of use fits. */
const FILE_BYTES_MAX = 4_096

/**
 * Ways to make writes fail, by name. Each gives `{folder, fill, empty, copy}`, or undefined where the system does not
 * let us: a file system of our own needs root, a limit of our own `prlimit`. `copy` works while it is full.
 */
export const fullDisks = {
  async 'a full file system'(t) {
    const folder = await temporaryFolder(t)
    if (!runs('mount', ['-t', 'tmpfs', '-o', `size=${FILE_SYSTEM_BYTES}`, 'tmpfs', folder])) return undefined
    atEnd(t, () => execFileSync('umount', ['-l', folder]))
    const filler = path.join(folder, 'filler')
    return {
      folder,
      // It takes what fits and fails.
      fill: () => writeFile(filler, Buffer.alloc(FILE_SYSTEM_BYTES)).catch(() => {}),
      empty: () => rm(filler),
      copy: (to) => cp(folder, to, { recursive: true, filter: (file) => isOnDisk(file) && file !== filler }),
    }
  },
  async 'a limit on the size of files'(t) {
    const limit = (size) => limitFiles(process.pid, size)
    if (!limit('unlimited')) return undefined
    atEnd(t, () => limit('unlimited'))
    // The write that crosses it is cut short, and those after it fail.
    const folder = await temporaryFolder(t)
    return {
      folder,
      fill: () => limit(FILE_BYTES_MAX),
      empty: () => limit('unlimited'),
      async copy(to) {
        execFileSync('prlimit', ['--fsize=unlimited:', 'cp', '-r', `${folder}/.`, to])
        for (const name of await readdir(to)) if (!isOnDisk(name)) await rm(path.join(to, name))
      },
    }
  },
}

/** Lets no file of a process grow beyond a size in bytes, or `unlimited`. False where the system does not let us. */
export function limitFiles(pid, size) {
  return runs('prlimit', ['--pid', String(pid), `--fsize=${size}:`])
}

/** Shared memory is not. */
const isOnDisk = (file) => !file.endsWith('-shm')

function runs(program, args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
