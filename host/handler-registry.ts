/** The kinds of rooms that there are. */

import { RECORDS_ROOM_TYPE } from './constants.js'
import type { Logger } from './core.js'
import { RealtimeError } from './errors.js'
import { log } from './event-sink.js'
import { canonicalRoomType, checkRoomType } from './room-ids.js'
import type { RoomTypeHandler } from './room-type-handler.js'

/** Where room types are registered. */
export interface HandlerRegistry {
  /**
   * Registers a room type; one of the same name is replaced, for connections to come.
   *
   * @throws RealtimeError with code `INVALID_ID` for a name that cannot be one or is `records`, or
   *   `INVALID_HANDLER` for something that is no handler
   */
  registerRoomTypeHandler(handler: RoomTypeHandler): void
  /** The handler of a type, by its name or alias. */
  getHandler(roomType: string): RoomTypeHandler | undefined
  /** Whether there are rooms of a type. */
  hasHandler(roomType: string): boolean
  /** All names, `records` included. */
  getRegisteredRoomTypes(): string[]
  /** Takes a room type off the list; who is connected stays. False if there is none, or it is `records`. */
  unregisterRoomTypeHandler(roomType: string): boolean
}

/** What a registry may be made with. */
export interface HandlerRegistryOptions {
  /** Told of what comes and goes. */
  logger?: Logger
  /** Told of what is registered, once it is. */
  registered?: (roomType: string, handler: RoomTypeHandler) => void
  /** Told of what is no longer registered. */
  unregistered?: (roomType: string) => void
}

const METHODS = ['onConnect', 'onPostConnect', 'onMessage', 'onDisconnect'] as const

/** The engine's own: listed, so that it is known to be there, without methods of its own. */
const RECORDS_HANDLER: RoomTypeHandler = Object.freeze({ roomType: RECORDS_ROOM_TYPE })

/** The registry of a server. `records` is always in it; names stand in their canonical spelling. */
export class DefaultHandlerRegistry implements HandlerRegistry {
  readonly #options: HandlerRegistryOptions
  readonly #handlers = new Map<string, RoomTypeHandler>([[RECORDS_ROOM_TYPE, RECORDS_HANDLER]])

  constructor(options: HandlerRegistryOptions = {}) {
    this.#options = options
  }

  registerRoomTypeHandler(handler: RoomTypeHandler): void {
    const roomType = checkHandler(handler)
    if (this.#handlers.has(roomType))
      this.#log('warn', `The handler of the room type ${roomType} is replaced`, roomType)
    this.#options.registered?.(roomType, handler)
    this.#handlers.set(roomType, handler)
    this.#log('info', `The room type ${roomType} is registered`, roomType)
  }

  getHandler(roomType: string): RoomTypeHandler | undefined {
    return this.#handlers.get(canonicalRoomType(roomType))
  }

  hasHandler(roomType: string): boolean {
    return this.#handlers.has(canonicalRoomType(roomType))
  }

  getRegisteredRoomTypes(): string[] {
    return [...this.#handlers.keys()]
  }

  unregisterRoomTypeHandler(roomType: string): boolean {
    const name = canonicalRoomType(roomType)
    if (name === RECORDS_ROOM_TYPE || !this.#handlers.delete(name)) return false
    this.#options.unregistered?.(name)
    this.#log('info', `The room type ${name} is no longer registered`, name)
    return true
  }

  /** The host's own types, `records` not included. */
  own(): Array<[string, RoomTypeHandler]> {
    return [...this.#handlers].filter(([roomType]) => roomType !== RECORDS_ROOM_TYPE)
  }

  #log(level: 'info' | 'warn', message: string, roomType: string): void {
    if (this.#options.logger) log(this.#options.logger, level, message, { operation: 'realtime:room-type', roomType })
  }
}

/** Makes a registry. A server has one already: `RealtimeServer.getHandlerRegistry`. */
export function createHandlerRegistry(options: HandlerRegistryOptions = {}): HandlerRegistry {
  return new DefaultHandlerRegistry(options)
}

/** The canonical name of what is to be registered. */
function checkHandler(handler: RoomTypeHandler): string {
  if (typeof handler !== 'object' || handler === null) throw invalidHandler('it is not an object')
  const roomType = checkRoomType(handler.roomType)
  if (roomType === RECORDS_ROOM_TYPE) {
    throw new RealtimeError(
      'rooms of the type "records" are the engine\'s own',
      { roomType },
      {
        code: 'INVALID_ID',
        statusCode: 400,
      },
    )
  }
  for (const method of METHODS) {
    const found = typeof handler[method]
    if (found !== 'function' && found !== 'undefined') throw invalidHandler(`its ${method} is of type ${found}`)
  }
  return roomType
}

function invalidHandler(why: string): RealtimeError {
  return new RealtimeError(`this is no handler of a room type: ${why}`, undefined, {
    code: 'INVALID_HANDLER',
    statusCode: 400,
  })
}
