/** The room of a type that has a handler but no factory: it knows who is in it, and can send to them. */

import type { RealtimeConnection } from './connection.js'
import { encodeMessage } from './frames.js'
import type { ClientData, Room, RoomConfig, RoomState } from './room.js'

/** A room without state of its own. */
export class PlainRoom implements Room {
  readonly roomId: string
  readonly roomType: string
  readonly #connections: ReadonlyMap<string, RealtimeConnection>
  readonly #clients = new Map<string, ClientData>()
  readonly #createdAt = Date.now()
  #lastActivity = this.#createdAt
  #version = 0

  constructor(config: RoomConfig, connections: ReadonlyMap<string, RealtimeConnection>) {
    this.roomId = config.roomId
    this.roomType = config.roomType
    this.#connections = connections
  }

  addClient(clientId: string, client: ClientData): void {
    this.#clients.set(clientId, client)
    this.#changed()
  }

  removeClient(clientId: string): void {
    if (this.#clients.delete(clientId)) this.#changed()
  }

  /** Sends to everybody in the room but one: bytes as they are, everything else as JSON. */
  broadcast(message: unknown, exceptClientId?: string): void {
    const frame = encodeMessage(message)
    for (const clientId of this.#clients.keys()) {
      if (clientId !== exceptClientId) this.#connections.get(clientId)?.send(frame)
    }
    this.#lastActivity = Date.now()
  }

  getState(): RoomState {
    return {
      roomId: this.roomId,
      roomType: this.roomType,
      participants: [...this.#clients.values()],
      version: this.#version,
      createdAt: this.#createdAt,
      lastActivity: this.#lastActivity,
    }
  }

  async destroy(): Promise<void> {
    this.#clients.clear()
  }

  #changed(): void {
    this.#version += 1
    this.#lastActivity = Date.now()
  }
}
