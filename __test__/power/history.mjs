/** What a traced program did in one folder: the operations that its disk plays. */

import path from 'node:path'

import { descriptor, strings } from './strace.mjs'

/** Shared memory of SQLite; after a loss of power nobody looks at it. */
const isMemory = (file) => file.endsWith('-shm')

/**
 * The operations of a trace on files below a folder, by when they began: `{does, file, start, end}` with
 *
 * - `create`, `mkdir`, `unlink`, `rmdir`, `sync`
 * - `rename`: `to`
 * - `write`: `offset`, `data`
 * - `truncate`: `size`
 */
export function operations(calls, folder) {
  return new Reader(folder).read(calls)
}

class Reader {
  #folder
  /** Where descriptors stand, for writes that do not say. */
  #offsets = new Map()

  constructor(folder) {
    this.#folder = folder
  }

  read(calls) {
    return calls.flatMap((call) => {
      // What failed did nothing.
      if (call.result?.startsWith('-1')) return []
      const read = readers[call.name]
      const { start, end } = call
      return (read?.(call, this) ?? []).map((operation) => ({ ...operation, start, end }))
    })
  }

  /** Whether a path is played. */
  has(file) {
    return file.startsWith(`${this.#folder}${path.sep}`) && !isMemory(file)
  }

  /** Whether a path is played or is the folder itself. */
  holds(file) {
    return file === this.#folder || this.has(file)
  }

  opened({ number }) {
    this.#offsets.set(number, 0)
  }

  moved({ number }, offset) {
    this.#offsets.set(number, offset)
  }

  /** Where a write goes that does not say, and moves on. */
  next({ number }, count) {
    const offset = this.#offsets.get(number)
    this.#offsets.set(number, offset + count)
    return offset
  }
}

const readers = {
  openat(call, reader) {
    const file = descriptor(call.result ?? '')
    if (!file || !reader.has(file.path)) return []
    if (call.args.includes('O_APPEND')) throw new Error(`nothing plays O_APPEND: ${file.path}`)
    reader.opened(file)
    const done = []
    if (call.args.includes('O_CREAT')) done.push({ does: 'create', file: file.path })
    if (call.args.includes('O_TRUNC')) done.push({ does: 'truncate', file: file.path, size: 0 })
    return done
  },
  lseek(call, reader) {
    const file = descriptor(call.args)
    if (reader.has(file.path)) reader.moved(file, Number(call.result))
    return []
  },
  write(call, reader) {
    const file = descriptor(call.args)
    if (!reader.has(file.path) || file.isDeleted) return []
    const data = written(call)
    return [{ does: 'write', file: file.path, offset: reader.next(file, data.length), data }]
  },
  pwrite64(call, reader) {
    const file = descriptor(call.args)
    if (!reader.has(file.path) || file.isDeleted) return []
    const offset = Number(call.args.slice(call.args.lastIndexOf(',') + 1))
    return [{ does: 'write', file: file.path, offset, data: written(call) }]
  },
  ftruncate(call, reader) {
    const file = descriptor(call.args)
    if (!reader.has(file.path) || file.isDeleted) return []
    return [{ does: 'truncate', file: file.path, size: Number(call.args.slice(call.args.lastIndexOf(',') + 1)) }]
  },
  fsync(call, reader) {
    const file = descriptor(call.args)
    return reader.holds(file.path) && !file.isDeleted ? [{ does: 'sync', file: file.path }] : []
  },
  mmap(call, reader) {
    const isWritten = call.args.includes('MAP_SHARED') && call.args.includes('PROT_WRITE')
    const mapped = /, (\d+<[^>]*>), /.exec(call.args)
    const file = isWritten && mapped ? descriptor(mapped[1]) : undefined
    if (file && reader.has(file.path)) throw new Error(`nothing plays what is written by memory: ${file.path}`)
    return []
  },
  mkdir: named('mkdir'),
  unlink: named('unlink'),
  rmdir: named('rmdir'),
  rename(call, reader) {
    const [file, to] = strings(call.args).map(String)
    return reader.has(file) || reader.has(to) ? [{ does: 'rename', file, to }] : []
  },
}
readers.fdatasync = readers.fsync
readers.writev = readers.write

// Whatever else there is changes nothing, or is done to something else.
for (const name of ['creat', 'open', 'truncate', 'fallocate', 'pwritev', 'pwritev2', 'copy_file_range', 'sendfile']) refuse(name)
for (const name of ['splice', 'sync', 'syncfs', 'sync_file_range', 'msync', 'renameat', 'renameat2', 'unlinkat']) refuse(name)
for (const name of ['mkdirat', 'link', 'linkat', 'symlink', 'symlinkat']) refuse(name)

function named(does) {
  return (call, reader) => {
    const [file] = strings(call.args).map(String)
    return reader.has(file) ? [{ does, file }] : []
  }
}

/** A call that does something that nothing plays, if it is done to our files. */
function refuse(name) {
  readers[name] = (call, reader) => {
    const files = [...strings(call.args).map(String), descriptor(call.args)?.path ?? '']
    if (files.some((file) => reader.has(file))) throw new Error(`nothing plays ${name}: ${files}`)
    return []
  }
}

/** What was written: all of it, unless it was cut short. */
function written(call) {
  const data = Buffer.concat(strings(call.args.slice(call.args.indexOf(','))))
  return call.result === undefined ? data : data.subarray(0, Number(call.result))
}
