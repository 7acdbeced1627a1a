/** Runs a program under strace and reads what it did to files and said to others, in the order it happened. */

import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** What can change a file, or tell somebody something. What the disk does not know how to play is traced to be refused. */
const CALLS = [
  ...['open', 'openat', 'creat', 'lseek', 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  ...['ftruncate', 'truncate', 'fallocate', 'copy_file_range', 'sendfile', 'splice', 'mmap'],
  ...['fsync', 'fdatasync', 'sync_file_range', 'sync', 'syncfs', 'msync'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir', 'link', 'linkat'],
  ...['symlink', 'symlinkat', 'sendto', 'sendmsg', 'sendmmsg'],
]

/** More than any single write of an engine with small documents; a longer one is refused by the reader. */
const STRING_BYTES_MAX = 1024 * 1024

/** Why nothing can be traced here, or undefined if it can. */
export function whyNotTraced() {
  if (process.platform !== 'linux') return 'strace is for Linux'
  try {
    execFileSync('strace', [...options('/dev/null'), 'true'], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
    return undefined
  } catch (error) {
    return `strace is not installed or may not trace: ${error.stderr || error.message}`
  }
}

/**
 * What traces a program into a file, as options of `fork`.
 *
 * @param options.killedAtSync the number of the sync at which it is killed
 */
export function tracing(file, program, { killedAtSync } = {}) {
  const kill = killedAtSync ? ['-e', `inject=fsync:signal=KILL:when=${killedAtSync}`] : []
  return { execPath: 'strace', execArgv: [...options(file), ...kill, program] }
}

function options(file) {
  // All threads, only the calls above, all strings in hex, descriptors with what they stand for.
  const what = ['-e', `trace=${CALLS.map((call) => `?${call}`)}`, '-e', 'signal=none']
  return ['-f', '-qq', '-y', '-xx', '-s', String(STRING_BYTES_MAX), '--seccomp-bpf', ...what, '-o', file]
}

/**
 * The calls of a trace: `{name, args, result, start, end}`, by when they began. A call that never returned has no
 * result and ends at Infinity; the numbers only tell what came before what.
 *
 * @param before the last number of the trace before
 */
export async function readTrace(file, before) {
  const calls = []
  const unfinished = new Map()
  let now = before
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    now++
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line)
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    if (resumed) {
      finish(unfinished.get(thread), resumed[1], now)
      unfinished.delete(thread)
      continue
    }
    const begun = /^(\w+)\((.*)$/.exec(rest)
    // The end of a thread.
    if (!begun) continue
    const call = { name: begun[1], args: '', result: undefined, start: now, end: Infinity }
    calls.push(call)
    const cut = begun[2].replace(/ <unfinished \.\.\.>\)?.*$/, '')
    if (cut !== begun[2]) {
      call.args = cut
      unfinished.set(thread, call)
    } else {
      finish(call, begun[2], now)
    }
  }
  return calls
}

function finish(call, rest, now) {
  const at = rest.lastIndexOf(') ')
  const [, result] = /^\) += (.*)$/.exec(rest.slice(at)) ?? []
  if (result === undefined) throw new Error(`${call.name} of a trace cannot be read: ${rest.slice(0, 200)}`)
  call.args += rest.slice(0, at)
  if (result.startsWith('?')) return
  call.result = result
  call.end = now
}

/** All quoted strings of a call, joined or apart, as bytes. */
export function strings(args) {
  if (args.includes('"...')) throw new Error('a string of a trace was cut short')
  return [...args.matchAll(/"([^"]*)"/g)].map(([, hex]) => bytes(hex))
}

/** What strace wrote in hex. */
export const bytes = (hex) => Buffer.from(hex.replaceAll('\\x', ''), 'hex')

/** The first descriptor in a text: its number and what it stands for, which is a path if it is a file. */
export function descriptor(text) {
  const [, number, hex] = /^(\d+)(?:<([^>]*)>)?/.exec(text) ?? []
  if (number === undefined) return undefined
  return { number: Number(number), path: String(bytes(hex ?? '')), isDeleted: text.includes('>(deleted)') }
}
