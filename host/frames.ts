/** Messages of room types, between JavaScript values and frames. */

import { correlationId } from './correlation-id.js'
import { ControlEvent, type ErrorMessage, MessageType } from './messages.js'
import { factsOf, messageOf } from './thrown.js'

/**
 * The frame for a message: bytes are sent as they are, everything else as JSON.
 *
 * @throws TypeError for what has no JSON, such as a function or a circle
 */
export function encodeMessage(message: unknown): string | Uint8Array {
  if (message instanceof Uint8Array) return message
  const json: string | undefined = JSON.stringify(message)
  if (json === undefined) throw new TypeError(`a message of type ${typeof message} cannot be sent`)
  return json
}

/** A client's frame: its bytes, and what they say. */
export interface Decoded {
  /** A text frame's JSON; of a binary frame that is no JSON, the bytes. Undefined if a text is no JSON. */
  message: unknown
  rawData: Buffer
}

/** Reads a client's frame. */
export function decodeMessage(data: string | Buffer): Decoded {
  const rawData = typeof data === 'string' ? Buffer.from(data) : data
  const otherwise = typeof data === 'string' ? undefined : rawData
  try {
    return { message: JSON.parse(rawData.toString()), rawData }
  } catch {
    return { message: otherwise, rawData }
  }
}

/** The frame that tells a client of an error; `code`, `statusCode` and `correlationId` are its own if it has them. */
export function errorFrame(error: unknown): ErrorMessage {
  const { code, message, statusCode, correlationId: id } = factsOf(error)
  return {
    type: MessageType.CONTROL,
    event: ControlEvent.ERROR,
    error: {
      code: typeof code === 'string' ? code : 'INTERNAL_ERROR',
      message: typeof message === 'string' ? message : messageOf(error),
      ...(typeof statusCode === 'number' ? { statusCode } : {}),
      correlationId: typeof id === 'string' ? id : correlationId(),
    },
  }
}
