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


/**
 * Which binding artifact the generated loader actually loaded: `'native'` for
 * a native addon, otherwise the `platformArchABI` of the WASI flavor. Every
 * flavor napi-rs can build is listed, because `NAPI_RS_NATIVE_LIBRARY_PATH`
 * can point the loader at a WASI artifact this package does not build itself.
 */
export declare const __napiBindingTarget: 'native' | 'wasm32-wasi' | 'wasm32-wasip1'

/**
 * One engine: a WebSocket server with its rooms and its store, on threads of its own.
 *
 * It does nothing until `start()`. It does not keep the process alive, and a host that ends without
 * `shutdown()` loses nothing that clients were told is saved.
 *
 * Errors are `Error`s with `code` (such as `CONFIG_INVALID`), `statusCode` and `context`.
 */
export declare class RealtimeModule {
  /**
   * Registers a kind of room written in JavaScript, such as `device`; also before `start()`. One of the
   * same name is replaced for connections to come.
   *
   * Throws `INVALID_ID` for a name that cannot be one, or is the engine's own (`records`).
   */
  registerRoomType(roomType: string, callbacks: RoomTypeCallbacks): void
  /** Takes a kind of room off the list; who is connected stays. False if there is none of this name. */
  unregisterRoomType(roomType: string): boolean
  /** The kinds of rooms there are, `records` included. */
  roomTypes(): Array<string>
  /**
   * All connections. Throws `NOT_RUNNING` before `start()` and after `shutdown()`, as all of the
   * following do.
   */
  connections(): Array<Connection>
  /** One connection while it lasts, else null. */
  connection(clientId: string): Connection | null
  /**
   * Sends a message to one client, a text frame or a binary one. False if it is gone, if it is text and
   * the client cannot read that (`readsText`; a stock Yjs client would stop at it), or if so much
   * waits for it already that this does not fit (`limits.waiting_bytes_per_client_max`).
   */
  send(clientId: string, data: string | Uint8Array): boolean
  /**
   * Sends a message to everybody in a room of a registered type, but for one client; gives the number
   * of those who will get it.
   */
  broadcast(roomId: string, data: string | Uint8Array, exceptClientId?: string): number
  /** Closes a connection after what waits for it. Default: code 1000. False if it is gone. */
  close(clientId: string, code?: number | undefined | null, reason?: string | undefined | null): boolean
  /**
   * Changes what a connected client may do, before any later frame of it. Without the right to view,
   * it is closed with 4003. Resolves to false if it is gone.
   */
  setPermissions(clientId: string, permissions: ClientPermissions): Promise<boolean>
  /**
   * Sends a user away, from one room or from all, with close code 4003 and `KICKED`; gives the number of
   * connections that end. They may come back: to keep them out, take away their rights.
   */
  kick(userId: number | string, reason?: string, roomId?: string): number
  /**
   * Locks a record's room against edits, also while it is not in memory: everybody is read-only, and
   * told why. Lasts until `unlockRoom` or the end of the process.
   */
  lockRoom(roomId: string, reason?: string | undefined | null): Promise<undefined>
  /** Lets everybody edit again who may. */
  unlockRoom(roomId: string): Promise<undefined>
  /**
   * Tells everybody in a room, or everywhere, who can read text frames. Resolves to the number of rooms
   * told.
   */
  notice(message: string, level?: 'info' | 'warning' | 'error', roomId?: string): Promise<number>
  /** Says that a record was changed elsewhere. Resolves to false if its room is not in memory. */
  recordChanged(recordId: string): Promise<boolean>
  /**
   * Reads and checks the configuration: the path of a `realtime.yml`, or an object with its keys.
   * Relative paths in it begin at `folder`, which is the file's folder, or `.system-data` in the working
   * directory, if not given.
   *
   * Throws `CONFIG_INVALID` with what was found, where, and what is allowed.
   */
  constructor(config: string | object, host: HostCallbacks, folder?: string)
  /**
   * Opens the store and listens. Resolves to the address, or to null if `enabled` is false. Calling
   * it again while it runs gives the same address.
   *
   * Rejects with `LISTEN_FAILED` (nothing is left behind, it may be tried again), `STORAGE_FAILED`, or
   * `NOT_RUNNING` after a shutdown.
   */
  start(): Promise<Listening | undefined | null>
  /**
   * Stops accepting, sends every client away with close code 4503, saves every room and closes the
   * store, all within `shutdown_timeout`. Calling it twice, or before `start()`, is fine.
   */
  shutdown(): Promise<undefined>
  /** Saves a room now: its snapshot, and its Markdown as a draft. Resolves when both are done. */
  snapshot(roomId: string): Promise<SnapshotOutcome>
  /** How the engine is. Never throws. */
  health(): Health
  /** The rooms in memory. Throws `NOT_RUNNING` before `start()` and after `shutdown()`. */
  rooms(): Array<RoomSummary>
  /**
   * Ends all connections of a user with close code 4001 and gives their number. Nothing that the user
   * sends from now on counts. `7` and `'7'` are the same user.
   *
   * Throws `NOT_RUNNING` before `start()` and after `shutdown()`.
   */
  revoke(userId: number | string, reason?: string): number
  /**
   * A Yjs update (version 1) that makes the editor's document of this Markdown in an empty one. Runs
   * off Node's thread.
   */
  static markdownToUpdate(markdown: string): Promise<Buffer>
  /**
   * The Markdown of the editor's document in a Yjs update (version 1). Runs off Node's thread.
   *
   * Rejects with `INVALID_YJS_UPDATE`.
   */
  static updateToMarkdown(update: Uint8Array): Promise<string>
  /**
   * The document's state, a Yjs update (version 1), in a stored snapshot of format 2, for programs that read
   * snapshot files beside the engine. `byteSize` is what is stored beside it; more than that is not
   * unpacked. Whether the hash is right is for the caller to check. Runs off Node's thread.
   *
   * Rejects with `STORAGE_FAILED`.
   */
  static unpackSnapshot(stored: Uint8Array, byteSize: number): Promise<Buffer>
  /**
   * Reads a `realtime.yml` (null = none), lays it over the defaults, and the host's `features.yml` and
   * the environment over it. Throws as the constructor does; a missing `realtime.yml` has
   * `context.reason` `not_found`, a missing `features.yml` switches nothing off.
   */
  static readConfig(path?: string | undefined | null, featuresPath?: string | undefined | null): ConfigReport
  /** Every key with its default. */
  static defaultConfig(): Record<string, any>
  /**
   * Checks a configuration object and lays it over the defaults, and the environment over it, as the
   * constructor does. Throws as that does.
   */
  static validateConfig(config: object): ConfigReport
}

/** What a connected client may do from now on. */
export interface ClientPermissions {
  /** Default: true. Without it, the connection ends. */
  canView?: boolean
  /** Default: false. Without it, the connection is read-only. */
  canEdit?: boolean
}

/** A configuration laid over the defaults. */
export interface ConfigReport {
  /** All keys of `config/realtime.example.yml`. */
  config: Record<string, any>
  /** For people: unknown keys, old spellings and the like. */
  warnings: Array<string>
}

/** A connection. */
export interface Connection {
  /** Its id, `client_<hex>`. */
  clientId: string
  /** Its room's key. */
  roomId: string
  /** Whose it is; a connection of nobody in particular has its own id here. */
  userId: number | string
  /** Where it comes from, after `trusted_proxies` were taken into account. */
  clientIp: string
  /** Its edits are refused. */
  readOnly: boolean
  /** It can read text frames; a stock Yjs client cannot, and stops at the first. */
  readsText: boolean
  /** It is connected and not about to be closed. */
  open: boolean
}

/** How a module is. */
export interface Health {
  /** `degraded`: the disk cannot be written, editing goes on in memory. */
  status: 'new' | 'disabled' | 'healthy' | 'degraded' | 'stopped'
  /** Where it listens, null if it does not. */
  listening: Listening | null
  /** Clients connected. */
  connections: number
  /** Rooms in memory. */
  rooms: number
  /** Since the start, in ms. */
  uptimeMs: number
  /** The store's last failure while `degraded`, else null. */
  storageError: string | null
  /** Hooks and log lines dropped because the host is too busy to take them, not yet reported to it. */
  droppedEvents: number
  /** Counters since the start, by name. */
  counters: Record<string, number>
}

/** Where a module listens. */
export interface Listening {
  /** The IP address. */
  host: string
  /** The TCP port. */
  port: number
}

/** One room in memory. */
export interface RoomSummary {
  /** Its key, such as `records:bylaw-12`. */
  roomId: string
  /** Its type, such as `records`. */
  roomType: string
  /** Clients in it. */
  clients: number
  /** Loading, live, or idle: without clients, within its grace period. */
  state: 'loading' | 'live' | 'idle'
  /** About the size of its document's state, in bytes: as of the last save, or of loading. */
  stateBytes: number
  /** Its record holds content that the editor's document cannot carry. */
  lossy: boolean
}

/** What a snapshot came to. */
export interface SnapshotOutcome {
  /** A new one was written; false if nothing had changed, or there is no such room in memory. */
  snapshotCreated: boolean
  /** The newest version, null if there is none. */
  version: number | null
  /** When this was found out, ms since the epoch. */
  timestamp: number
}
