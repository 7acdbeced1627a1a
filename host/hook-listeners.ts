/** Listens on the core's hook bus for as long as the server runs. */

import type { HookHandler, HookSystem, Logger } from './core.js'
import { log } from './event-sink.js'
import { messageOf } from './thrown.js'

/** What is done at a hook. What it throws or rejects with is logged, and the bus goes on. */
export type HookListener = (data: unknown) => unknown

/**
 * Calls the listeners at their hooks, until the function returned is called. The bus is never kept waiting.
 *
 * A bus that can only emit is put up with: nothing is heard then, and one warning says so.
 */
export function listen(
  hooks: HookSystem,
  logger: Logger,
  listeners: Readonly<Record<string, HookListener>>,
): () => void {
  if (typeof hooks.registerHook !== 'function') {
    log(logger, 'warn', 'The hook bus has no registerHook: revoked sessions and changed records are not heard of', {
      operation: 'realtime:hooks:unheard',
      hooks: Object.keys(listeners),
    })
    return () => {}
  }
  const handlers = Object.entries(listeners).map(([name, listener]): [string, HookHandler] => [
    name,
    guarded(name, listener, logger),
  ])
  const stop = (): void => {
    for (const [name, handler] of handlers) {
      try {
        // The bus finds a handler by identity.
        hooks.removeHook?.(name, handler)
      } catch {
        // The bus may be gone already; the handler does no harm.
      }
    }
  }
  try {
    for (const [name, handler] of handlers) hooks.registerHook(name, handler)
  } catch (error) {
    stop()
    throw error
  }
  return stop
}

function guarded(hook: string, listener: HookListener, logger: Logger): HookHandler {
  const failed = (error: unknown): void =>
    log(logger, 'error', `What the hook ${hook} asks for could not be done`, {
      operation: 'realtime:hooks:failed',
      hook,
      error: messageOf(error),
    })
  return (data) => {
    try {
      Promise.resolve(listener(data)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
