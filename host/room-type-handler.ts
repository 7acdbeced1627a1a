/** Kinds of rooms that a host brings along: what it implements, and what it is called with. */

import type { RealtimeConnection } from './connection.js'
import type { Room } from './room.js'

/** Who a device is. */
export interface DeviceAuth {
  /** The device module's own id. */
  deviceId: string
  /** What stands in the room's id. */
  deviceUuid: string
  /** Whose device it is; empty if that is not known. */
  organizationId: string
}

/** Who a user is, for types that check users themselves. */
export interface UserAuth {
  /** As the core has it: revoked sessions are matched by it. */
  userId: number | string
  username: string
  role: string
  /** For the handler itself; the engine asks nothing of it. */
  permissions: { canView: boolean; canEdit: boolean }
}

/** What a handler answers to somebody who wants to come in. */
export interface AuthResult {
  /** Whether they may. */
  success: boolean
  /** Why not, for people. */
  error?: string
  /**
   * Why not, for programs, such as `AUTH_FAILED` (closed with 4001) or `PERMISSION_DENIED` (4003); one that the
   * protocol does not know is closed with 4003 and told as the reason.
   *
   * @default 'PERMISSION_DENIED'
   */
  errorCode?: string
  /** Set for a device: the connection is then found in `RealtimeServer.clientToDevice`. */
  deviceAuth?: DeviceAuth
  /** Set for a user, by a type that authenticates its connections itself. */
  userAuth?: UserAuth
  /** Goes into the room's data about the client. `userId`, `username` and `role` are added where they are missing. */
  clientMetadata?: Record<string, unknown>
}

/** Somebody wants to come in. */
export interface ConnectionContext {
  /** What is sent to it arrives once the client is in. */
  ws: RealtimeConnection
  clientId: string
  /** Behind trusted proxies. */
  clientIp: string
  /** Keep it out of logs. */
  token: string
  /** The id without the type, such as `7f3a`. */
  roomId: string
  /** The id with the type, such as `device:7f3a`. */
  fullRoomId: string
  /** The path and query of the request. */
  url: string
  /** Names in lower case; without those that may carry the token. */
  headers?: Record<string, string>
  /** The subprotocols offered, without those that carry the token. */
  protocols?: string[]
}

/** Somebody in the room says something. Pings are answered already. */
export interface MessageContext {
  ws: RealtimeConnection
  clientId: string
  /** The frame's JSON; of a binary frame that is no JSON, its bytes. */
  message: unknown
  /** The frame's bytes. */
  rawData: Buffer
  /** The room manager's room. */
  room: Room
  /** What `onConnect` answered. */
  auth: AuthResult
  /** Sends to any client: bytes as they are, everything else as JSON. */
  sendToClient(clientId: string, message: unknown): void
  /** The same to everybody in the room, but for one client if it is named. */
  broadcastToRoom(message: unknown, exceptClientId?: string): void
  /** Tells the client of an error; its `code` and `statusCode` are told, too. */
  sendError(error: Error): void
}

/** Somebody is gone. The room still lists them. */
export interface DisconnectContext {
  clientId: string
  /** The room manager's room. */
  room: Room
  /** What `onConnect` answered. */
  auth: AuthResult
}

/**
 * A kind of room. Its methods run on Node's thread, and their failures concern one client at most: that of a
 * message is told to whoever sent it, the others are logged.
 */
export interface RoomTypeHandler {
  /** Such as `device`; 1 to 64 letters, digits, `-` or `_`. */
  readonly roomType: string
  /**
   * Whether `onConnect` alone says who may come in, as for devices that have tokens of their own. Otherwise the
   * user's session is checked first.
   *
   * @default false
   */
  readonly authenticatesConnection?: boolean
  /**
   * Lets somebody in, or not; without it, everybody with a valid session. An error with a `code` such as
   * `AUTH_FAILED` or a `statusCode` of 401 or 403 is a no. Any other error, nonsense, and no answer within
   * `host_timeout` are faults: the client is closed with 4500 and tries again.
   */
  onConnect?(context: ConnectionContext): Promise<AuthResult> | AuthResult
  /** Somebody is in. Their messages wait until this is done, but not for long. */
  onPostConnect?(context: ConnectionContext, auth: AuthResult): Promise<void> | void
  /** Somebody says something. Messages of one client are started in order; none waits for the one before it. */
  onMessage?(context: MessageContext): Promise<void> | void
  /** Somebody is gone who was in. */
  onDisconnect?(context: DisconnectContext): Promise<void> | void
}
