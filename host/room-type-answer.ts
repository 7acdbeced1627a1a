/** What a room type's handler answered to somebody at the door, and what the engine is told of it. */

import type { AuthUser } from './core.js'
import type { ConnectAnswer } from './native.js'
import type { AuthResult, DeviceAuth, RoomTypeHandler, UserAuth } from './room-type-handler.js'

/** Whoever was let in. */
export interface Identity {
  /** Counted and revoked by; a device's can be no user's. */
  userId: number | string
  /** What the room is told. */
  shownId: number | string
  username: string
  role: string
}

/** A no, with the words for the client. */
export class Refusal {
  constructor(
    readonly code: string,
    readonly message: string,
    readonly reason?: string,
  ) {}

  /** The answer for the engine. */
  toAnswer(): ConnectAnswer {
    const { code: denied, message, reason } = this
    return { denied, message, ...(reason === undefined ? {} : { reason }) }
  }
}

/**
 * Reads what `onConnect` gave.
 *
 * @throws TypeError for nonsense
 */
export function readAuth(answer: unknown): AuthResult | Refusal {
  if (typeof answer !== 'object' || answer === null) throw new TypeError('onConnect gave no object')
  const auth = answer as AuthResult
  if (auth.success === true) {
    const { deviceAuth, userAuth, clientMetadata } = auth
    return { ...auth, ...checkedDevice(deviceAuth), ...checkedUser(userAuth), ...checkedMetadata(clientMetadata) }
  }
  if (auth.success !== false) throw new TypeError('onConnect gave an object whose `success` is neither true nor false')
  const code = typeof auth.errorCode === 'string' && auth.errorCode !== '' ? auth.errorCode : 'PERMISSION_DENIED'
  return new Refusal(code, typeof auth.error === 'string' ? auth.error : 'the connection is not allowed')
}

/** The no that an error thrown by `onConnect` stands for; null if it stands for a fault. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null
  const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown }
  if (code === 'AUTH_FAILED' || code === 'PERMISSION_DENIED') return new Refusal(code, error.message)
  if (statusCode === 401) return new Refusal('AUTH_FAILED', error.message)
  return statusCode === 403 ? new Refusal('PERMISSION_DENIED', error.message) : null
}

/** Who was let in; null if nobody has said so. */
export function identityOf(auth: AuthResult, session: AuthUser | null): Identity | null {
  if (session) {
    const { id, username, role } = session
    return { userId: id, shownId: id, username, role }
  }
  if (auth.deviceAuth) {
    const { deviceId, deviceUuid } = auth.deviceAuth
    return { userId: `device:${deviceId}`, shownId: deviceId, username: `device:${deviceUuid}`, role: 'device' }
  }
  if (!auth.userAuth) return null
  const { userId, username, role } = auth.userAuth
  return { userId, shownId: userId, username, role }
}

/** The yes for the engine. */
export function acceptance(handler: RoomTypeHandler, { userId: id, username: name }: Identity): ConnectAnswer {
  // Of everybody else the engine has checked the session itself.
  return handler.authenticatesConnection ? { user: { id, name } } : {}
}

function checkedDevice(device: unknown): { deviceAuth?: DeviceAuth } {
  if (device === undefined || device === null) return {}
  const { deviceId, deviceUuid, organizationId } = Object(device) as Record<string, unknown>
  if (!isId(deviceId) || !isId(deviceUuid)) {
    throw new TypeError('onConnect gave a deviceAuth without deviceId or deviceUuid')
  }
  // Device modules have ids of both kinds; a Map's reader compares text.
  return {
    deviceAuth: {
      deviceId: String(deviceId),
      deviceUuid: String(deviceUuid),
      organizationId: isId(organizationId) ? String(organizationId) : '',
    },
  }
}

function checkedUser(user: unknown): { userAuth?: UserAuth } {
  if (user === undefined || user === null) return {}
  const { userId, username, role } = Object(user) as Record<string, unknown>
  if (!isId(userId)) throw new TypeError('onConnect gave a userAuth without userId')
  return {
    userAuth: {
      ...(user as UserAuth),
      username: typeof username === 'string' ? username : String(userId),
      role: typeof role === 'string' ? role : '',
    },
  }
}

function checkedMetadata(metadata: unknown): { clientMetadata?: Record<string, unknown> } {
  if (metadata === undefined || metadata === null) return {}
  if (typeof metadata !== 'object') throw new TypeError('onConnect gave a clientMetadata that is no object')
  return { clientMetadata: { ...metadata } }
}

function isId(value: unknown): value is number | string {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value !== ''
}
