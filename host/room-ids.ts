/** Room ids, `type:id`: the engine's rules, for rooms that only this side knows. */

import { RealtimeError } from './errors.js'

const ROOM_TYPE = /^[A-Za-z0-9_-]{1,64}$/
const LOCAL_ID_BYTES_MAX = 256
// An id becomes a file name, a key of the database, and a part of URLs. A lone surrogate has no UTF-8.
const FORBIDDEN = /[\p{Cc}\p{Cs}/\\]|\.\./u

/** The other spelling of a type, by which a URL may name it. */
const ALIASES = new Map([
  ['record', 'records'],
  ['devices', 'device'],
])

/** A room's id, taken apart. */
export interface RoomIdParts {
  /** The whole, such as `device:7f3a`, with the type in its canonical spelling. */
  roomId: string
  roomType: string
  /** The id inside the type. */
  localId: string
}

/** The spelling under which a type is known: `records` for `record`, `device` for `devices`. */
export function canonicalRoomType(roomType: string): string {
  return ALIASES.get(roomType) ?? roomType
}

/**
 * Checks the name of a type and gives its canonical spelling.
 *
 * @throws RealtimeError with code `INVALID_ID`
 */
export function checkRoomType(roomType: unknown): string {
  if (typeof roomType === 'string' && ROOM_TYPE.test(roomType)) return canonicalRoomType(roomType)
  throw invalid(`room type ${shown(roomType)} is not allowed; expected 1 to 64 letters, digits, - or _`)
}

/**
 * Takes a room's id apart.
 *
 * @throws RealtimeError with code `INVALID_ID`
 */
export function parseRoomId(id: unknown): RoomIdParts {
  const colon = typeof id === 'string' ? id.indexOf(':') : -1
  if (typeof id !== 'string' || colon < 0) {
    throw invalid(`room id ${shown(id)} has no type; expected type:id, such as records:x`)
  }
  const roomType = checkRoomType(id.slice(0, colon))
  const localId = id.slice(colon + 1)
  const tooLong = Buffer.byteLength(localId) > LOCAL_ID_BYTES_MAX
  if (localId === '' || localId === '.' || tooLong || FORBIDDEN.test(localId)) {
    throw invalid(
      `room id ${shown(id)} is not allowed; expected ${LOCAL_ID_BYTES_MAX} bytes at most after the type, without ` +
        'path separators, `..` and control characters',
    )
  }
  return { roomId: `${roomType}:${localId}`, roomType, localId }
}

/** The same, but null for an id that cannot be one. */
export function readRoomId(id: unknown): RoomIdParts | null {
  try {
    return parseRoomId(id)
  } catch {
    return null
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `of type ${typeof value}`
}

function invalid(message: string): RealtimeError {
  return new RealtimeError(message, undefined, { code: 'INVALID_ID', statusCode: 400 })
}
