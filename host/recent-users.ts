/** Users whose sessions the engine had checked a moment ago, for the room type that is asked next. */

import type { AuthUser } from './core.js'

/** Users kept; a check and the question that follows it are milliseconds apart. */
const USERS_MAX = 1_000

/** Saves a second look at the session: the engine passes on a user's id and name, not their role. */
export class RecentUsers {
  readonly #users = new Map<string, AuthUser>()

  /** The user of a session that was just checked. */
  add(token: string, user: AuthUser): void {
    // Deleted first, so that it is the newest in the Map's order.
    this.#users.delete(token)
    this.#users.set(token, user)
    if (this.#users.size <= USERS_MAX) return
    for (const oldest of this.#users.keys()) {
      this.#users.delete(oldest)
      return
    }
  }

  /** Who that was. */
  get(token: string): AuthUser | undefined {
    return this.#users.get(token)
  }

  /** Nobody any more. */
  clear(): void {
    this.#users.clear()
  }
}
