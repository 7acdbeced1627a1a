/** Ids that tie together what is said about one case in logs, hooks and answers. */

/** A new id in the core's own form: `err_<ms since the epoch, base 36>_<7 random>`. */
export function correlationId(): string {
  const random = Math.random().toString(36).slice(2, 9).padEnd(7, '0')
  return `err_${Date.now().toString(36)}_${random}`
}
