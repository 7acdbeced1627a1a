/** A client in a room of a host's own type, from its coming in to its end. */

import type { Logger } from './core.js'
import { RealtimeError } from './errors.js'
import { log } from './event-sink.js'
import { decodeMessage, encodeMessage, errorFrame } from './frames.js'
import type { Room } from './room.js'
import type { AuthResult, ConnectionContext, RoomTypeHandler } from './room-type-handler.js'
import { factsOf, messageOf } from './thrown.js'

/** Messages that wait for `onPostConnect`; beyond it they wait no longer. */
const HELD_MESSAGES_MAX = 100
/** The same in bytes. */
const HELD_BYTES_MAX = 1024 * 1024
/** How long they wait, in milliseconds. */
const POST_CONNECT_TIMEOUT_MS = 10_000
/** Messages of a client that its handler is still busy with; more are refused. */
const UNFINISHED_MAX = 1_000

/** How a session reaches others. */
export interface SessionReach {
  sendTo(clientId: string, frame: string | Uint8Array): void
  broadcast(roomId: string, frame: string | Uint8Array, exceptClientId?: string): void
}

/** A client that was let in. */
export class RoomTypeSession {
  readonly room: Room
  readonly auth: AuthResult
  readonly #handler: RoomTypeHandler
  readonly #context: ConnectionContext
  readonly #reach: SessionReach
  readonly #logger: Logger
  /** What the client said before `onPostConnect` was done. */
  #held: Array<string | Buffer> | undefined
  #heldBytes = 0
  #unfinished = 0

  constructor(
    handler: RoomTypeHandler,
    context: ConnectionContext,
    auth: AuthResult,
    room: Room,
    reach: SessionReach,
    logger: Logger,
  ) {
    this.room = room
    this.auth = auth
    this.#handler = handler
    this.#context = context
    this.#reach = reach
    this.#logger = logger
  }

  /** The id by which the client asked for the room. */
  get roomId(): string {
    return this.#context.fullRoomId
  }

  /** Tells the handler that the client is in. */
  begin(): void {
    if (!this.#handler.onPostConnect) return
    this.#held = []
    const timer = setTimeout(() => this.#release('is not done yet'), POST_CONNECT_TIMEOUT_MS)
    timer.unref()
    this.#run('onPostConnect', () => this.#handler.onPostConnect?.(this.#context, this.auth)).finally(() => {
      clearTimeout(timer)
      this.#release()
    })
  }

  /** The client says something. */
  message(data: string | Buffer): void {
    if (!this.#held) {
      this.#deliver(data)
      return
    }
    this.#held.push(data)
    this.#heldBytes += data.length
    if (this.#held.length > HELD_MESSAGES_MAX || this.#heldBytes > HELD_BYTES_MAX) this.#release('is not done yet')
  }

  /** The client is gone. What it said before still counts. */
  end(): void {
    this.#release()
    const { clientId } = this.#context
    void this.#run('onDisconnect', () => this.#handler.onDisconnect?.({ clientId, room: this.room, auth: this.auth }))
  }

  #release(late?: string): void {
    const held = this.#held
    if (!held) return
    this.#held = undefined
    if (late) this.#warn(`The handler's onPostConnect ${late}; messages no longer wait for it`)
    for (const data of held) this.#deliver(data)
  }

  #deliver(data: string | Buffer): void {
    if (!this.#handler.onMessage) return this.#tell(invalid('messages are not expected in this room'))
    const { message, rawData } = decodeMessage(data)
    if (message === undefined) return this.#tell(invalid('this text is not JSON'))
    if (this.#unfinished >= UNFINISHED_MAX) return this.#tell(busy())
    const { ws, clientId } = this.#context
    this.#unfinished += 1
    this.#start(() =>
      this.#handler.onMessage?.({
        ws,
        clientId,
        message,
        rawData,
        room: this.room,
        auth: this.auth,
        sendToClient: (target, answer) => this.#reach.sendTo(target, encodeMessage(answer)),
        broadcastToRoom: (answer, except) => this.#reach.broadcast(this.roomId, encodeMessage(answer), except),
        sendError: (error) => this.#tell(error),
      }),
    )
      .catch((error: unknown) => this.#messageFailed(error))
      .finally(() => {
        this.#unfinished -= 1
      })
  }

  /** What went wrong is the log's business; the client learns that it did, and a code if the error has one. */
  #messageFailed(error: unknown): void {
    this.#warn(`The handler's onMessage failed: ${messageOf(error)}`)
    const told = typeof factsOf(error)['code'] === 'string' ? error : hostFailed('the message could not be handled')
    this.#tell(told)
  }

  #tell(error: unknown): void {
    this.#context.ws.send(JSON.stringify(errorFrame(error)))
  }

  async #run(method: string, call: () => unknown): Promise<void> {
    await this.#start(call).catch((error: unknown) => {
      this.#warn(`The handler's ${method} failed: ${messageOf(error)}`)
    })
  }

  /** Calls now, and gives a promise also for what is thrown. */
  async #start(call: () => unknown): Promise<unknown> {
    return call()
  }

  #warn(message: string): void {
    const { clientId, fullRoomId: roomId } = this.#context
    log(this.#logger, 'warn', message, { operation: 'realtime:room-type:failed', clientId, roomId })
  }
}

/** What a client is told of a host's failure. */
export function hostFailed(message: string): RealtimeError {
  return new RealtimeError(message, undefined, { code: 'HOST_FAILED', statusCode: 502 })
}

function invalid(message: string): RealtimeError {
  return new RealtimeError(message, undefined, { code: 'INVALID_MESSAGE', statusCode: 400 })
}

function busy(): RealtimeError {
  return hostFailed(`${UNFINISHED_MAX} messages of this client are still being handled; this one was not taken`)
}
