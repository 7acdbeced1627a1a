/** What can be asked of a server and done with it while its engine runs. */

import type { RealtimeConnection } from './connection.js'
import { RECORDS_ROOM_TYPE } from './constants.js'
import type { EngineLink } from './engine-link.js'
import type { NoticeLevel } from './messages.js'
import type { ClientPermissions, RoomSummary } from './native.js'
import type { SnapshotResult } from './server-types.js'

/**
 * The clients and rooms of a server.
 *
 * While the server does not run, there are no clients and no rooms of records: what asks about them finds none, and
 * what acts on them has nobody to act on. Only locks need a running server, because one that is lost does harm.
 */
export abstract class LiveServer {
  /** The live connections by client id. Every look at it is up to date; entries cannot be set or deleted. */
  readonly connections: Map<string, RealtimeConnection>
  readonly #engine: EngineLink

  constructor(engine: EngineLink, connections: Map<string, RealtimeConnection>) {
    this.#engine = engine
    this.connections = connections
  }

  /**
   * Saves a record's room now, if it is live.
   *
   * @throws RealtimeError, for example with code `STORAGE_FAILED` or `INVALID_ID`
   */
  triggerRecordSnapshot(recordId: string): Promise<SnapshotResult> {
    const nothing = { snapshotCreated: false, version: null, timestamp: Date.now() }
    return this.#engine.ask((module) => module.snapshot(`${RECORDS_ROOM_TYPE}:${recordId}`), nothing)
  }

  /**
   * Says that a record was changed by somebody who is not in its room.
   *
   * @returns false if nobody has it open, so that nothing is to be done
   * @throws RealtimeError with code `INVALID_ID`
   */
  recordChanged(recordId: string): Promise<boolean> {
    return this.#engine.ask((module) => module.recordChanged(recordId), false)
  }

  /**
   * Closes the connections of a user with 4001, as do revoked sessions that the core tells of.
   *
   * @param reason - told to the user's clients
   * @returns how many there were
   */
  revokeUserConnections(userId: number | string, reason?: string): number {
    return this.#engine.call((module) => module.revoke(userId, reason), 0)
  }

  /**
   * Sends a user away, from one room or from all, with 4003 and `KICKED`. They may come back: to keep them out, take
   * away their rights.
   *
   * @returns how many connections end
   */
  kickUser(userId: number | string, reason?: string, roomId?: string): number {
    return this.#engine.call((module) => module.kick(userId, reason, roomId), 0)
  }

  /**
   * Changes what a connected client may do, before any later frame of it: without `canView` (default true) it is
   * closed with 4003, without `canEdit` (default false) it is read-only.
   *
   * @returns false if the client is gone
   */
  setPermissions(clientId: string, permissions: ClientPermissions): Promise<boolean> {
    return this.#engine.ask((module) => module.setPermissions(clientId, permissions), false)
  }

  /**
   * Locks a record's room against edits, also while nobody is in it: everybody is read-only, and told why. Lasts
   * until {@link RealtimeServer.unlockRoom} or `shutdown`.
   *
   * @param roomId - such as `records:bylaw-12`
   * @throws RealtimeError with code `NOT_RUNNING` or `INVALID_ID`
   */
  lockRoom(roomId: string, reason?: string): Promise<void> {
    return this.#engine.need((module) => module.lockRoom(roomId, reason))
  }

  /**
   * Lets everybody edit again who may.
   *
   * @throws RealtimeError with code `NOT_RUNNING` or `INVALID_ID`
   */
  unlockRoom(roomId: string): Promise<void> {
    return this.#engine.need((module) => module.unlockRoom(roomId))
  }

  /**
   * Tells everybody in a room, or everywhere, who can read text frames.
   *
   * @returns how many rooms were told
   */
  sendNotice(message: string, level: NoticeLevel = 'info', roomId?: string): Promise<number> {
    return this.#engine.ask((module) => module.notice(message, level, roomId), 0)
  }

  /** One connection while it lasts. */
  getConnection(clientId: string): RealtimeConnection | undefined {
    return this.connections.get(clientId)
  }

  /** The same map as {@link RealtimeServer.connections}. */
  getConnections(): Map<string, RealtimeConnection> {
    return this.connections
  }

  /** How many connections there are from each address. */
  getConnectionCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { clientIp } of this.#engine.call((module) => module.connections(), [])) {
      counts.set(clientIp, (counts.get(clientIp) ?? 0) + 1)
    }
    return counts
  }

  /** The client ids of each user, by the user's id as text; a device's is `device:<deviceId>`. */
  getUserConnections(): ReadonlyMap<string, ReadonlySet<string>> {
    const users = new Map<string, Set<string>>()
    for (const { userId, clientId } of this.#engine.call((module) => module.connections(), [])) {
      const key = String(userId)
      users.set(key, (users.get(key) ?? new Set()).add(clientId))
    }
    return users
  }

  /** The rooms in the engine's memory: records, and those of other types that have clients. */
  liveRooms(): RoomSummary[] {
    return this.#engine.call((module) => module.rooms(), [])
  }
}
