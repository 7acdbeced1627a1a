/** What a host's code throws or rejects with: it may be anything, and must neither end the process nor break a room. */

/** The words of whatever was thrown. Never throws itself: there are values that have none. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error)
  } catch {
    return 'something that cannot be shown'
  }
}

/** The members of whatever was thrown; none of what does not let itself be looked at. */
export function factsOf(error: unknown): Record<string, unknown> {
  try {
    const { code, message, statusCode, correlationId } = Object(error) as Record<string, unknown>
    return { code, message, statusCode, correlationId }
  } catch {
    return {}
  }
}

/**
 * Looks after what a function of the host's gave that nobody waits for. Some are async although nothing asks them
 * to, and a rejection that nobody hears ends the process.
 */
export function ifRejected(returned: unknown, failed: (error: unknown) => void): void {
  if (typeof returned === 'object' && returned !== null) Promise.resolve(returned).catch(failed)
}
