/** Tells when the process has little memory left. */

import { totalmem } from 'node:os'

import type { Logger } from './core.js'
import { log } from './event-sink.js'

/** The share of the memory at which it is told. */
const WARN_SHARE = 0.8

/** It is told again only after the share has been below this. */
const CALM_SHARE = 0.75

const CHECK_INTERVAL_MS = 30_000

/** What is looked at, and how often. */
export interface MemoryWatchOptions {
  /** The process's memory in bytes. */
  used?: () => number
  /** What it may have, in bytes. */
  available?: () => number
  intervalMs?: number
}

/**
 * Looks at the memory of the whole process, the host's included, from now on. It keeps no process alive.
 *
 * @returns ends it
 */
export function watchMemory(logger: Logger, options: MemoryWatchOptions = {}): () => void {
  const { used = process.memoryUsage.rss, available = availableMemory, intervalMs = CHECK_INTERVAL_MS } = options
  let isTold = false
  const look = (): void => {
    const [bytes, limit] = [used(), available()]
    const share = bytes / limit
    if (share >= WARN_SHARE && !isTold) {
      log(logger, 'warn', `The process uses ${Math.round(share * 100)} % of its memory`, {
        operation: 'realtime:memory:high',
        usedBytes: bytes,
        availableBytes: limit,
      })
    }
    isTold = share >= (isTold ? CALM_SHARE : WARN_SHARE)
  }
  const timer = setInterval(look, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** The limit of the container, if there is one, else the machine's memory. */
function availableMemory(): number {
  // Without a limit it is 0, or more than the machine has.
  const limit = process.constrainedMemory?.() ?? 0
  const machine = totalmem()
  return limit > 0 && limit < machine ? limit : machine
}
