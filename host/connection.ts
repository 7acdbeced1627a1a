/** A client's connection, with the members of a WebSocket that hosts use. */

import type { EngineLink } from './engine-link.js'
import type { Connection } from './native.js'

/** What a client at the door may be sent: more is refused until it is in. */
const HELD_FRAMES_MAX = 100
const HELD_BYTES_MAX = 64 * 1024

/** What is known of a connection from its beginning. */
export type ConnectionFacts = Pick<Connection, 'clientId' | 'roomId' | 'clientIp'> & {
  /** Whose it is, if that is known already. */
  userId?: number | string
}

/**
 * A client's connection. The same object for as long as the connection lasts; afterwards its
 * `readyState` is {@link RealtimeConnection.CLOSED} and sending does nothing.
 *
 * A room type's `onConnect` gets one before the client is in. What is sent to it then arrives when the client
 * is in, or never if it is refused.
 */
export class RealtimeConnection {
  /** The `readyState` of a connection that messages can be sent to. */
  static readonly OPEN = 1
  /** The `readyState` of one that is about to be closed. */
  static readonly CLOSING = 2
  /** The `readyState` of one that is gone. */
  static readonly CLOSED = 3

  readonly OPEN = RealtimeConnection.OPEN
  readonly CLOSING = RealtimeConnection.CLOSING
  readonly CLOSED = RealtimeConnection.CLOSED

  /** `client_<hex>` */
  readonly clientId: string
  /** Its room, such as `device:7f3a`. */
  readonly roomId: string
  /** Where it comes from, behind trusted proxies. */
  readonly clientIp: string
  readonly #engine: EngineLink
  #userId: number | string
  #gone = false
  #door: Door | undefined

  /** @param atTheDoor - the client is not in yet */
  constructor(engine: EngineLink, facts: ConnectionFacts, atTheDoor = false) {
    this.#engine = engine
    this.clientId = facts.clientId
    this.roomId = facts.roomId
    this.clientIp = facts.clientIp
    this.#userId = facts.userId ?? facts.clientId
    if (atTheDoor) this.#door = { frames: [], bytes: 0, close: undefined }
  }

  /** Whose it is; a connection of nobody in particular has its own id here. */
  get userId(): number | string {
    return this.#now()?.userId ?? this.#userId
  }

  /** Whether its edits are refused. */
  get readOnly(): boolean {
    return this.#now()?.readOnly ?? true
  }

  /** {@link RealtimeConnection.OPEN}, `CLOSING` or `CLOSED`. */
  get readyState(): number {
    if (this.#gone) return RealtimeConnection.CLOSED
    const now = this.#now()
    if (now) return now.open ? RealtimeConnection.OPEN : RealtimeConnection.CLOSING
    if (!this.#door) return RealtimeConnection.CLOSED
    return this.#door.close ? RealtimeConnection.CLOSING : RealtimeConnection.OPEN
  }

  /**
   * Sends a text frame, or a binary one. A stock `y-websocket` client in a record's room cannot read text
   * frames: use `RealtimeServer.sendNotice` there.
   *
   * @returns false if the connection is gone, or so much waits for it already that this does not fit
   *   (`limits.waiting_bytes_per_client_max`)
   * @throws TypeError for anything but text and bytes
   */
  send(data: string | Uint8Array): boolean {
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw new TypeError(`a message is a string or a Uint8Array, not ${data === null ? 'null' : typeof data}`)
    }
    if (this.#gone) return false
    return this.#door
      ? this.#hold(this.#door, data)
      : this.#engine.call((module) => module.send(this.clientId, data), false)
  }

  /**
   * Closes the connection after what waits for it; the first close stands. Does nothing if it is gone.
   *
   * @param code - 1000, or 3000 to 4999. @default 1000
   * @param reason - cut at 123 bytes
   * @throws RealtimeError with code `INVALID_MESSAGE` for another code
   */
  close(code = 1000, reason = ''): void {
    if (this.#gone) return
    if (this.#door) this.#door.close ??= { code, reason }
    else this.#engine.call((module) => module.close(this.clientId, code, cut(reason)), false)
  }

  /** The client is in: what was held for it is sent. */
  admit(): void {
    const door = this.#door
    if (!door) return
    this.#door = undefined
    for (const frame of door.frames) this.send(frame)
    if (door.close) this.close(door.close.code, door.close.reason)
  }

  /** The client is gone, or was refused. */
  end(): void {
    this.#gone = true
    this.#door = undefined
  }

  #now(): Connection | null {
    return this.#gone ? null : this.#engine.call((module) => module.connection(this.clientId), null)
  }

  #hold(door: Door, data: string | Uint8Array): boolean {
    const bytes = Buffer.byteLength(data)
    if (door.close || door.frames.length >= HELD_FRAMES_MAX || door.bytes + bytes > HELD_BYTES_MAX) return false
    door.bytes += bytes
    // The caller may go on using its buffer.
    door.frames.push(typeof data === 'string' ? data : Uint8Array.from(data))
    return true
  }
}

/** What a client is to get once it is in. */
interface Door {
  frames: Array<string | Uint8Array>
  bytes: number
  close: { code: number; reason: string } | undefined
}

/** A close frame holds 123 bytes of reason, and no half characters. */
function cut(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= 123) return reason
  return new TextDecoder().decode(bytes.subarray(0, 123), { stream: true })
}
