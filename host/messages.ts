/** The JSON text frames of the wire protocol. */

/** The `type` of a JSON frame. */
export enum MessageType {
  SYNC = 'sync',
  PRESENCE = 'presence',
  CONTROL = 'control',
  PING = 'ping',
  PONG = 'pong',
}

/** The `event` of a presence frame. */
export enum PresenceEvent {
  JOINED = 'joined',
  LEFT = 'left',
  CURSOR = 'cursor',
  AWARENESS = 'awareness',
}

/** The `event` of a control frame. */
export enum ControlEvent {
  CONNECTION_ACK = 'connection.ack',
  ROOM_STATE = 'room_state',
  ERROR = 'error',
  NOTICE = 'notice',
  SESSION_REVOKED = 'session.revoked',
  PERMISSION_CHANGED = 'permission.changed',
  SAVED = 'saved',
}

/** Somebody in a room, as shown to the others. */
export interface Participant {
  id: string
  name?: string
  color?: string
}

/** A document update. */
export interface SyncMessage {
  type: MessageType.SYNC
  /** A Yjs update (version 1) in base64. */
  update: string
  /** The document's version that the sender had, or, from the server, the one after the update. */
  version?: number
  /** Who sent it; set by the server. */
  from?: string
}

/** Somebody came, left or moved. */
export interface PresenceMessage {
  type: MessageType.PRESENCE
  event: PresenceEvent
  user: Participant
  cursor?: { position: number; selection?: { start: number; end: number } }
  /** A y-protocols awareness update in base64. */
  awareness?: string
}

/** The joined room and who the server takes the client for; the first frame of a connection. */
export interface AckMessage {
  type: MessageType.CONTROL
  event: ControlEvent.CONNECTION_ACK
  roomId: string
  clientId: string
  readOnly?: boolean
  user?: { id: number | string; name?: string | null }
  server?: string
}

/** The whole room, for clients of the JSON protocol. */
export interface RoomStateMessage {
  type: MessageType.CONTROL
  event: ControlEvent.ROOM_STATE
  room: {
    id: string
    participants: Participant[]
    /** The document's state as a Yjs update (version 1) in base64. */
    yjsState?: string
    version: number
  }
}

/** Something the client did was refused, or something of the server's failed. */
export interface ErrorMessage {
  type: MessageType.CONTROL
  event: ControlEvent.ERROR
  error: { code: string; message: string; statusCode?: number; correlationId?: string }
}

/** How serious a message for people is. */
export type NoticeLevel = 'info' | 'warning' | 'error'

/** A message for people. */
export interface NoticeMessage {
  type: MessageType.CONTROL
  event: ControlEvent.NOTICE
  notice: { level: NoticeLevel; message: string }
}

/** The user's sessions were revoked; close 4001 follows. */
export interface SessionRevokedMessage {
  type: MessageType.CONTROL
  event: ControlEvent.SESSION_REVOKED
  reason?: string
}

/** The host changed what the user may do. */
export interface PermissionChangedMessage {
  type: MessageType.CONTROL
  event: ControlEvent.PERMISSION_CHANGED
  readOnly: boolean
}

/** Everything the client sent so far is on disk. */
export interface SavedMessage {
  type: MessageType.CONTROL
  event: ControlEvent.SAVED
  version: number
}

/** Any control frame. */
export type ControlMessage =
  | AckMessage
  | RoomStateMessage
  | ErrorMessage
  | NoticeMessage
  | SessionRevokedMessage
  | PermissionChangedMessage
  | SavedMessage

/** Asks for a pong; limits do not count it. */
export interface PingMessage {
  type: MessageType.PING
}

/** The answer to a ping. */
export interface PongMessage {
  type: MessageType.PONG
  /** The server's clock, in milliseconds since the epoch. */
  timestamp: number
}

/** Any JSON frame of the protocol. */
export type RealtimeMessage = SyncMessage | PresenceMessage | ControlMessage | PingMessage | PongMessage
