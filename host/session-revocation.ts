/** The core's announcement that a user's sessions are no longer valid. */

import type { Logger } from './core.js'
import { log } from './event-sink.js'
import { SESSION_REVOKED_HOOK } from './constants.js'
import type { HookListener } from './hook-listeners.js'

/** The announcement's payload. */
export interface SessionsRevoked {
  userId: number | string
  /** Told to the user's clients. */
  reason?: string
}

/** Calls `revoke` at each announcement; other payloads are ignored with a warning. */
export function onSessionsRevoked(
  logger: Logger,
  revoke: (event: SessionsRevoked) => void,
): Record<string, HookListener> {
  const listener = (data: unknown): void => {
    if (isSessionsRevoked(data)) {
      revoke(data)
      return
    }
    log(logger, 'warn', `Ignored a ${SESSION_REVOKED_HOOK} hook: its payload needs a userId`, {
      operation: 'realtime:sessions:ignored',
      expected: '{userId: number | string, reason?: string}',
    })
  }
  return { [SESSION_REVOKED_HOOK]: listener }
}

function isSessionsRevoked(data: unknown): data is SessionsRevoked {
  if (typeof data !== 'object' || data === null) return false
  const { userId, reason } = data as Partial<Record<keyof SessionsRevoked, unknown>>
  const known = typeof userId === 'number' ? Number.isFinite(userId) : typeof userId === 'string' && userId !== ''
  return known && (reason === undefined || typeof reason === 'string')
}
