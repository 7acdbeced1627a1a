/** Rooms as the hosts of the server know them, and what makes rooms of a type. */

/** What a room knows of a client: whose connection it is, and what the room type's handler added. */
export interface ClientData {
  /** The client's id. */
  id: string
  roomId: string
  /** Milliseconds since the epoch. */
  connectedAt: number
  /** Milliseconds since the epoch. */
  lastActivity: number
  /** `userId`, `username`, `role`, and the handler's `clientMetadata`. */
  [fact: string]: unknown
}

/**
 * A client as rooms with users of the core know one. A type, not an interface, so that it can stand where
 * {@link ClientData} is asked for.
 */
export type ClientConnection = {
  id: string
  userId: string
  username: string
  role: string
  roomId: string
  /** Milliseconds since the epoch. */
  connectedAt: number
  /** Milliseconds since the epoch. */
  lastActivity: number
  permissions: { canEdit: boolean; canView: boolean }
}

/** A room at a moment. */
export interface RoomState {
  roomId: string
  roomType: string
  /** Who is in it. */
  participants: ClientData[]
  /** Counts the changes of the room. Of a record's room it is the newest snapshot's version, 0 for none. */
  version: number
  /** Milliseconds since the epoch. */
  createdAt: number
  /** Milliseconds since the epoch. */
  lastActivity: number
  /** The document, in rooms whose factory offers it. Rooms of records leave it with the engine. */
  yjsState?: Uint8Array
}

/** A room. A factory may return objects with more members; handlers get the very same objects. */
export interface Room {
  /** Such as `device:7f3a`. */
  readonly roomId: string
  /** Such as `device`. */
  readonly roomType: string
  /** A client came in. */
  addClient(clientId: string, client: ClientData): void
  /** A client is gone. */
  removeClient(clientId: string): void
  /** Sends to everybody in the room but one. */
  broadcast(message: unknown, exceptClientId?: string): void
  /** How it is; read, never changed, by others. */
  getState(): RoomState
  /** The room is no longer needed. */
  destroy(): Promise<void> | void
}

/** What a room is made from. */
export interface RoomConfig {
  /** Such as `device:7f3a`. */
  roomId: string
  /** Such as `device`. */
  roomType: string
  /** What `getOrCreateRoom` was called with. */
  [setting: string]: unknown
}

/** Makes the rooms of a type. */
export interface RoomFactory {
  /** Makes a room; if it throws, the client that wanted to come in is closed with 4500, and the log says why. */
  createRoom(roomId: string, config: RoomConfig): Room
  /** Whether it also makes rooms of another type, for which no factory is registered. */
  supportsRoomType(roomType: string): boolean
}

const METHODS = ['addClient', 'removeClient', 'broadcast', 'getState', 'destroy'] as const

/** The room, if it is one: a factory's fault shows where the room is made, not where it is used. */
export function checkRoom(room: Room): Room {
  const missing = METHODS.find((method) => typeof Object(room)[method] !== 'function')
  if (missing) throw new TypeError(`the factory made no room: it has no ${missing}()`)
  return room
}
