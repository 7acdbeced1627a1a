/** The errors of this module, and how the engine's become one of them. */

import {
  adoptCoreErrors,
  CivicPressError,
  type ErrorContext,
  extendsCore,
  NotFoundError,
  UnauthorizedError,
  ValidationError,
} from './core-errors.js'

export type { ErrorContext } from './core-errors.js'

/** What may be said about an error beyond its message and facts. */
export interface RealtimeErrorOptions {
  /** The error underneath. */
  cause?: unknown
  /** Replaces the class's own code. */
  code?: string
  /** Replaces the class's own HTTP status. */
  statusCode?: number
  /** Replaces the class's own message. */
  message?: string
}

/** Anything that has no class of its own; `code` tells which. */
export class RealtimeError extends CivicPressError {
  code = 'REALTIME_ERROR'
  statusCode = 500

  constructor(message: string, context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? message, context)
    complete(this, context, options)
  }
}

/** No such room is live. */
export class RoomNotFoundError extends NotFoundError {
  override code = 'ROOM_NOT_FOUND'

  constructor(roomId: string, context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? `Room '${roomId}' not found`, roomId)
    complete(this, { roomId, ...context }, options)
  }
}

/** A cap on connections or rooms is reached. */
export class ConnectionLimitExceededError extends ValidationError {
  override code = 'CONNECTION_LIMIT_EXCEEDED'
  override statusCode = 429

  /** @param limit - the cap: its number, or the configuration key that sets it */
  constructor(limit: number | string, context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? `Connection limit exceeded: ${limit}`)
    complete(this, { limit, ...context }, options)
  }
}

/** An update, state vector or awareness frame that cannot be decoded. */
export class InvalidYjsUpdateError extends ValidationError {
  override code = 'INVALID_YJS_UPDATE'

  constructor(message: string, context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? `Invalid Yjs update: ${message}`)
    complete(this, context, options)
  }
}

/** The token is missing, unknown or expired, or the session was revoked. */
export class AuthenticationFailedError extends UnauthorizedError {
  override code = 'AUTH_FAILED'

  constructor(context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? 'Authentication failed')
    complete(this, context, options)
  }
}

/** No right to do this, or the record does not exist. */
export class PermissionDeniedError extends UnauthorizedError {
  override code = 'PERMISSION_DENIED'

  constructor(resource: string, context?: ErrorContext, options?: RealtimeErrorOptions) {
    adoptCoreErrors()
    super(options?.message ?? `Permission denied: ${resource}`)
    complete(this, { resource, ...context }, options)
  }
}

extendsCore(RealtimeError, 'CivicPressError')
extendsCore(RoomNotFoundError, 'NotFoundError')
extendsCore(ConnectionLimitExceededError, 'ValidationError')
extendsCore(InvalidYjsUpdateError, 'ValidationError')
extendsCore(AuthenticationFailedError, 'UnauthorizedError')
extendsCore(PermissionDeniedError, 'UnauthorizedError')

/** What every class sets after its base is done; the bases know neither a cause nor all of the facts. */
function complete(
  error: CivicPressError,
  context: ErrorContext | undefined,
  options: RealtimeErrorOptions | undefined,
): void {
  if (context === undefined) delete error.context
  else error.context = context
  if (options?.code !== undefined) error.code = options.code
  if (options?.statusCode !== undefined) error.statusCode = options.statusCode
  if (options !== undefined && 'cause' in options) {
    Object.defineProperty(error, 'cause', { value: options.cause, writable: true, configurable: true })
  }
}

/** An error of the native engine. */
interface EngineError extends Error {
  code: string
  statusCode?: number
  context?: ErrorContext
}

/** Only errors of CivicPress's kind have a correlation id of their own: those are whole already. */
function isEngineError(error: unknown): error is EngineError {
  if (!(error instanceof Error) || 'correlationId' in error) return false
  return typeof (error as Partial<EngineError>).code === 'string'
}

/**
 * The error of this module that an error of the engine stands for; its class, code, status, facts
 * and message are kept, the original is the cause. Anything else is returned as it is.
 */
export function fromEngine(error: unknown): unknown {
  if (!isEngineError(error)) return error
  const { message, code, statusCode, context } = error
  const options: RealtimeErrorOptions = { cause: error, message, code }
  if (statusCode !== undefined) options.statusCode = statusCode
  const made = create(code, context ?? {}, options)
  const id = context?.['correlationId']
  // The client was told this id; the host's log is to show the same one.
  if (typeof id === 'string') Object.defineProperty(made, 'correlationId', { value: id, enumerable: true })
  return made
}

function create(code: string, context: ErrorContext, options: RealtimeErrorOptions): CivicPressError {
  const fact = (name: string): string => String(context[name] ?? 'unknown')
  switch (code) {
    case 'ROOM_NOT_FOUND':
      return new RoomNotFoundError(fact('roomId'), context, options)
    case 'CONNECTION_LIMIT_EXCEEDED':
      return new ConnectionLimitExceededError(fact('limit'), context, options)
    case 'INVALID_YJS_UPDATE':
      return new InvalidYjsUpdateError('', context, options)
    case 'AUTH_FAILED':
    case 'SESSION_REVOKED':
      return new AuthenticationFailedError(context, options)
    case 'PERMISSION_DENIED':
      return new PermissionDeniedError(fact('resource'), context, options)
    default:
      return new RealtimeError('', context, options)
  }
}

/** Calls the engine; what it throws becomes an error of this module. */
export function callEngine<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw fromEngine(error)
  }
}

/** The same for a call that returns a promise: what it rejects with becomes one, too. */
export async function askEngine<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw fromEngine(error)
  }
}

/** A member that is there for its shape, of something that the engine alone does. */
export function unsupported(why: string): RealtimeError {
  return new RealtimeError(`not supported: ${why}`, undefined, { code: 'UNSUPPORTED', statusCode: 501 })
}
