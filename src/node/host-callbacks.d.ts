/** A room, as the host's callbacks are asked about it. */
export interface RoomReference {
  /** Its key, such as `records:bylaw-12`. */
  roomId: string
  /** Its type, such as `records`. */
  roomType: string
  /** The id inside the type: for records the record's id. */
  localId: string
}

/** Somebody asks to join a room. */
export interface AuthorizeRequest extends RoomReference {
  /** The token that was shown. Keep it out of logs. */
  token: string
  /** Where the connection comes from, after `trusted_proxies` were taken into account. */
  clientIp: string
}

/** The host's yes. */
export interface Granted {
  /** Who this is; `7` and `'7'` are the same user. */
  user: { id: number | string; name?: string | null; role?: string | null }
  /**
   * Whether they may edit; otherwise the connection is read-only.
   * @default false
   */
  canEdit?: boolean
}

/** The host's no. */
export interface Denied {
  /** The session is not valid, or there is no right to view the record. */
  denied: 'AUTH_FAILED' | 'PERMISSION_DENIED'
  /** More about it, such as `record_not_found`; shown to the client. */
  reason?: string
}

/** What the host answers. */
export type Authorization = Granted | Denied

/** A record's text as the host has it: the draft's if there is one, else the record's. */
export interface LoadedRecord {
  /** The Markdown body, without front matter. */
  markdown: string
}

/**
 * Markdown for an editor whose schema is not the built-in one. Documents are trees of XML elements and texts in the
 * XML fragment `default`, as y-prosemirror and TipTap make them; content anywhere else is refused.
 *
 * Both functions run on Node's thread, may be async, and have `host_timeout` to answer. The same text must
 * give the same document each time. What a text says and its document cannot carry makes a record lossy,
 * see `document.lossy`.
 */
export interface DocumentCodec {
  /** The Markdown of the document that this Yjs update (version 1) is all of. */
  toMarkdown(update: Uint8Array): Promise<string> | string
  /** A new document with this Markdown, as a Yjs update (version 1). */
  fromMarkdown(markdown: string): Promise<Uint8Array> | Uint8Array
}

/** Somebody wants to come into a room of a registered type. */
export interface ConnectRequest extends RoomReference {
  /** The connection. */
  clientId: string
  /** Where the connection comes from, after `trusted_proxies` were taken into account. */
  clientIp: string
  /** The token presented, null if there is none. Keep it out of logs. */
  token: string | null
  /** The path and query of the request. */
  url: string
  /** The request's headers, names in lower case, without those that may carry the token. */
  headers: Record<string, string>
  /** The subprotocols offered, without those that carry the token. */
  protocols: string[]
  /** Who this is, if the host has checked the session; else null. */
  user: { id: number | string; name: string | null } | null
}

/** What a room type answers to somebody at the door. */
export interface ConnectAnswer {
  /** Who this is, for a type that authenticates its connections itself. */
  user?: { id: number | string; name?: string | null } | null
  /** A no: a code such as `AUTH_FAILED`, `PERMISSION_DENIED` or `ROOM_NOT_FOUND`. */
  denied?: string
  /** More about a no, for people. */
  message?: string
  /** More about a no, for programs. */
  reason?: string
}

/**
 * A kind of room written in JavaScript. Of one client, the callbacks come one at a time and in order:
 * nothing more is read from it until `message` was called. Clients of such rooms get text frames.
 */
export interface RoomTypeCallbacks {
  /**
   * Whether `connect` alone says who may come in. Otherwise `authorize` is asked first.
   * @default false
   */
  authenticates?: boolean
  /** Lets somebody in, or not. A rejection is a fault: the client is closed with 4500. */
  connect(request: ConnectRequest): Promise<ConnectAnswer> | ConnectAnswer
  /** Somebody is in, and can be sent to. */
  joined?(clientId: string, roomId: string): void | Promise<void>
  /** Somebody says something: a text frame as a string, a binary one as a buffer. A throw is told to them. */
  message(clientId: string, data: string | Buffer): void | Promise<void>
  /** Somebody is gone. */
  left?(clientId: string, reason: string): void | Promise<void>
}

/** How serious a log line is. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/**
 * What the engine asks of the application that embeds it, and what it tells it.
 *
 * The callbacks run on Node's thread. Those that answer may be async and have `host_timeout` to do so; thenables
 * that are no promises, such as queries, are awaited as well. Meanwhile only the connection or the room that asked waits.
 */
export interface HostCallbacks {
  /**
   * Checks the session, that the record exists, and what the user may do. A rejection is a fault of the
   * host: the client is closed with 4500 and tries again.
   */
  authorize(request: AuthorizeRequest): Promise<Authorization> | Authorization
  /**
   * Reads the record's text: the draft's if there is one, since `save` was called for it. Null if there is
   * no such record. A room starts from it; later it is read again, before drafts and after
   * `recordChanged`, and what changed in it is merged into the room. A rejection means that it cannot be
   * read: a room without history is not opened, and the client is told so.
   */
  load(room: RoomReference): Promise<LoadedRecord | null> | LoadedRecord | null
  /**
   * Writes the room's text as a draft of its record. Without it, texts live in the store alone. Once this has
   * answered, an older text in its place counts as an edit made elsewhere: where the power may fail, a draft has
   * to be on the disk by then.
   */
  save?(room: RoomReference, markdown: string): Promise<void> | void
  /** For an editor with a schema of its own. Null is the built-in one. */
  codec?: DocumentCodec | null
  /** Told of events, in order. What it returns or throws changes nothing. */
  hook?(name: string, data: Record<string, any>): void
  /** Told what is worth writing down, from `logLevel` up. What it returns or throws changes nothing. */
  log?(level: LogLevel, message: string, data: Record<string, any>): void
  /**
   * The least serious level that is logged.
   * @default 'info'
   */
  logLevel?: LogLevel
}

