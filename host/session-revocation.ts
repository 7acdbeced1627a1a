/** Listens to the core's announcement that a user's sessions are no longer valid. */

import { SESSION_REVOKED_HOOK } from './constants.js'
import type { HookSystem, Logger } from './core.js'
import { log } from './event-sink.js'

/** The announcement's payload. */
export interface SessionsRevoked {
  userId: number | string
  /** Told to the user's clients. */
  reason?: string
}

/**
 * Calls `revoke` at each announcement, until the function returned is called.
 *
 * A hook bus that can only emit is put up with: revoked users then stay until they reconnect, and a
 * warning says so.
 */
export function onSessionsRevoked(
  hooks: HookSystem,
  logger: Logger,
  revoke: (event: SessionsRevoked) => void,
): () => void {
  if (typeof hooks.registerHook !== 'function') {
    log(logger, 'warn', `The hook bus has no registerHook: revoked sessions keep their connections`, {
      operation: 'realtime:sessions:unheard',
      hook: SESSION_REVOKED_HOOK,
    })
    return () => {}
  }
  const failed = (error: unknown): void =>
    log(logger, 'error', 'Revoked sessions may keep their connections', {
      operation: 'realtime:sessions:failed',
      error: error instanceof Error ? error.message : String(error),
    })
  const handler = (data: unknown): void => {
    if (!isSessionsRevoked(data)) {
      log(logger, 'warn', `Ignored a ${SESSION_REVOKED_HOOK} hook: its payload needs a userId`, {
        operation: 'realtime:sessions:ignored',
        expected: '{userId: number | string, reason?: string}',
      })
      return
    }
    try {
      revoke(data)
    } catch (error) {
      failed(error)
    }
  }
  hooks.registerHook(SESSION_REVOKED_HOOK, handler)
  return () => {
    try {
      // The bus finds a handler by identity.
      hooks.removeHook?.(SESSION_REVOKED_HOOK, handler)
    } catch {
      // The bus may be gone already; the handler does no harm.
    }
  }
}

function isSessionsRevoked(data: unknown): data is SessionsRevoked {
  if (typeof data !== 'object' || data === null) return false
  const { userId, reason } = data as Partial<Record<keyof SessionsRevoked, unknown>>
  const known = typeof userId === 'number' ? Number.isFinite(userId) : typeof userId === 'string' && userId !== ''
  return known && (reason === undefined || typeof reason === 'string')
}
