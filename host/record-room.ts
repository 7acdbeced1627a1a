/** A record's room as hosts see it; the room itself is the engine's. */

import type { RealtimeConnection } from './connection.js'
import { unsupported } from './errors.js'
import type { NoticeLevel } from './messages.js'
import type { ClientData, Room, RoomState } from './room.js'

/** What a record's room is looked at through; the server is one. */
export interface RecordRoomView {
  readonly connections: ReadonlyMap<string, RealtimeConnection>
  sendNotice(message: string, level?: NoticeLevel, roomId?: string): Promise<number>
}

/**
 * A view of a record's room. Clients come and go, and documents are saved, without the host: its `addClient`,
 * `removeClient` and `destroy` throw `UNSUPPORTED`.
 */
export class RecordRoom implements Room {
  readonly roomId: string
  readonly roomType: string
  readonly #view: RecordRoomView
  readonly #createdAt = Date.now()
  /** When clients that are still there were first seen. */
  readonly #seen = new Map<string, number>()
  #lastActivity = this.#createdAt
  #version = 0

  constructor(roomId: string, roomType: string, view: RecordRoomView) {
    this.roomId = roomId
    this.roomType = roomType
    this.#view = view
  }

  /**
   * Sends to those in the room who can read it. A `notice` (`{type: 'control', event: 'notice', notice}`) reaches
   * everybody who reads text frames, whoever is excepted; bytes are a frame of the y-protocols and reach
   * everybody but one.
   *
   * @throws RealtimeError with code `UNSUPPORTED` for other messages: an editor's client would break at them
   */
  broadcast(message: unknown, exceptClientId?: string): void {
    const notice = noticeIn(message)
    if (notice) {
      // Whoever broadcasts does not wait; a server that stops meanwhile has nobody to tell.
      this.#view.sendNotice(notice.message, notice.level, this.roomId).catch(() => {})
    } else if (message instanceof Uint8Array) {
      for (const connection of this.#connections()) {
        if (connection.clientId !== exceptClientId) connection.send(message)
      }
    } else {
      throw unsupported('a room of records passes on notices and bytes only')
    }
    this.#lastActivity = Date.now()
  }

  /**
   * Who is in the room, and the newest snapshot's version. `createdAt` and `connectedAt` are when the room and the
   * client were first seen here; the document stays with the engine (`RealtimeServer.triggerRecordSnapshot`).
   */
  getState(): RoomState {
    const participants = this.#connections().map((connection) => this.#participant(connection))
    const here = new Set(participants.map(({ id }) => id))
    for (const clientId of this.#seen.keys()) if (!here.has(clientId)) this.#seen.delete(clientId)
    return {
      roomId: this.roomId,
      roomType: this.roomType,
      participants,
      version: this.#version,
      createdAt: this.#createdAt,
      lastActivity: this.#lastActivity,
    }
  }

  addClient(): never {
    throw unsupported('clients come into a room of records by connecting')
  }

  removeClient(): never {
    throw unsupported('clients leave a room of records by disconnecting; RealtimeServer.kickUser sends them away')
  }

  destroy(): never {
    throw unsupported('the engine ends a room of records after its grace period, when it is saved')
  }

  /** Something happened in it. */
  touch(): void {
    this.#lastActivity = Date.now()
  }

  /** A snapshot of it is on disk. */
  saved(version: number): void {
    this.#version = version
    this.touch()
  }

  #connections(): RealtimeConnection[] {
    return [...this.#view.connections.values()].filter(({ roomId }) => roomId === this.roomId)
  }

  #participant({ clientId: id, roomId, userId, readOnly }: RealtimeConnection): ClientData {
    const connectedAt = this.#seen.get(id) ?? Date.now()
    this.#seen.set(id, connectedAt)
    return { id, roomId, userId, readOnly, connectedAt, lastActivity: this.#lastActivity }
  }
}

const LEVELS: ReadonlySet<unknown> = new Set<NoticeLevel>(['info', 'warning', 'error'])

function noticeIn(message: unknown): { message: string; level: NoticeLevel } | null {
  const { event, notice } = Object(message) as { event?: unknown; notice?: unknown }
  const { message: text, level = 'info' } = Object(notice) as { message?: unknown; level?: unknown }
  if (event !== 'notice' || typeof text !== 'string' || !LEVELS.has(level)) return null
  return { message: text, level: level as NoticeLevel }
}
