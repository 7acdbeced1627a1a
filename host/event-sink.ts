/**
 * Hands the engine's events and log lines to the host. Whatever the host's handlers do - throw, reject,
 * never end - nothing here notices, and so no room does.
 */

import type { HookSystem, Logger } from './core.js'
import { ifRejected, messageOf } from './thrown.js'

/** The levels of {@link Logger}. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Logs; a logger that throws or rejects is not heard. */
export function log(logger: Logger, level: LogLevel, message: string, data?: unknown): void {
  try {
    ifRejected(logger[level](message, data), nobodyLeftToTell)
  } catch {
    nobodyLeftToTell()
  }
}

function nobodyLeftToTell(): void {}

/** Emits a hook without waiting for its handlers. */
export function emitHook(hooks: HookSystem, logger: Logger, name: string, data: unknown): void {
  const failed = (error: unknown): void =>
    log(logger, 'warn', `A handler of the hook ${name} failed`, {
      operation: 'realtime:hook:failed',
      hook: name,
      error: messageOf(error),
    })
  try {
    Promise.resolve(hooks.emit(name, data)).catch(failed)
  } catch (error) {
    failed(error)
  }
}
