/** Handlers of room types as the engine calls them. */

import type { RealtimeConnection } from './connection.js'
import type { ConnectionMap } from './connection-map.js'
import type { AuthUser, Logger } from './core.js'
import type { EngineLink } from './engine-link.js'
import { log } from './event-sink.js'
import { errorFrame } from './frames.js'
import type { ConnectAnswer, ConnectRequest, RoomTypeCallbacks } from './native.js'
import type { RecentUsers } from './recent-users.js'
import type { ClientData, Room } from './room.js'
import { acceptance, identityOf, readAuth, Refusal, refusalOf } from './room-type-answer.js'
import type { AuthResult, ConnectionContext, DeviceAuth, RoomTypeHandler } from './room-type-handler.js'
import { hostFailed, RoomTypeSession, type SessionReach } from './room-type-session.js'
import { messageOf } from './thrown.js'

/** After this, in milliseconds, a client that never came in is forgotten. Longer than any `host_timeout`. */
const DOOR_TIMEOUT_MS = 330_000

/** The rooms that clients come into and leave. */
export interface RoomKeeper {
  join(roomId: string, client: ClientData): Room
  leave(roomId: string, room: Room, clientId: string): void
}

/** What the handlers share. */
export interface RoomTypesParts {
  engine: EngineLink
  connections: ConnectionMap
  devices: Map<string, DeviceAuth>
  users: RecentUsers
  rooms: () => RoomKeeper
  logger: Logger
}

/** A client that was let in and is about to come. */
interface Entry {
  handler: RoomTypeHandler
  context: ConnectionContext
  auth: AuthResult
}

/** A client that is in, and whose room it is in: the server's keeper may be another one by the time it leaves. */
interface Seat {
  session: RoomTypeSession
  keeper: RoomKeeper
}

/** All clients in rooms of the host's own types. */
export class RoomTypes {
  readonly #parts: RoomTypesParts
  /** Since when clients stand at the door, in milliseconds since the epoch; the oldest first. */
  readonly #atTheDoor = new Map<string, number>()
  readonly #entries = new Map<string, Entry>()
  readonly #sessions = new Map<string, Seat>()
  readonly #reach: SessionReach

  constructor(parts: RoomTypesParts) {
    this.#parts = parts
    const { connections, engine } = parts
    this.#reach = {
      sendTo: (clientId, frame) => connections.get(clientId)?.send(frame),
      broadcast: (roomId, frame, except) => engine.call((module) => module.broadcast(roomId, frame, except), 0),
    }
  }

  /** The callbacks that stand for a handler. */
  callbacks(handler: RoomTypeHandler): RoomTypeCallbacks {
    return {
      authenticates: handler.authenticatesConnection === true,
      connect: (request) => this.#connect(handler, request),
      joined: (clientId, roomId) => this.#joined(clientId, roomId),
      message: (clientId, data) => this.#sessions.get(clientId)?.session.message(data),
      left: (clientId) => this.#left(clientId),
    }
  }

  /** The engine has stopped: nobody is there any more, whether it has said so or not. */
  endAll(): void {
    for (const clientId of [...this.#sessions.keys(), ...this.#atTheDoor.keys()]) this.#left(clientId)
  }

  async #connect(handler: RoomTypeHandler, request: ConnectRequest): Promise<ConnectAnswer> {
    this.#forgetThoseWhoNeverCame()
    const { clientId } = request
    const ws = this.#parts.connections.reserve(request)
    this.#atTheDoor.set(clientId, Date.now())
    try {
      const answer = await this.#ask(handler, request, ws)
      if (!(answer instanceof Refusal)) return answer
      this.#sendAway(clientId)
      return answer.toAnswer()
    } catch (error) {
      this.#sendAway(clientId)
      this.#warn(`The handler's onConnect failed: ${messageOf(error)}`, clientId, request.roomId)
      // The engine tells the client what it is given, so it is given no details.
      throw new Error('the room type could not decide; its log says why')
    }
  }

  async #ask(
    handler: RoomTypeHandler,
    request: ConnectRequest,
    ws: RealtimeConnection,
  ): Promise<ConnectAnswer | Refusal> {
    const { clientId, clientIp, token, localId: roomId, roomId: fullRoomId, url, headers, protocols } = request
    if (!token) return new Refusal('AUTH_FAILED', 'no token was shown', 'token_missing')
    const context = { ws, clientId, clientIp, token, roomId, fullRoomId, url, headers, protocols }
    const auth = await askHandler(handler, context)
    if (auth instanceof Refusal) return auth
    const identity = identityOf(auth, this.#sessionUser(handler, request))
    if (!identity) {
      this.#warn('The handler let a client in without saying who it is: refused', clientId, fullRoomId)
      return new Refusal('AUTH_FAILED', 'nobody was authenticated', 'no_identity')
    }
    const { shownId: userId, username, role } = identity
    auth.clientMetadata = { userId, username, role, ...auth.clientMetadata }
    this.#entries.set(clientId, { handler, context, auth })
    return acceptance(handler, identity)
  }

  /** Whose session the engine has checked; null for types that check for themselves. */
  #sessionUser(handler: RoomTypeHandler, { token, user }: ConnectRequest): AuthUser | null {
    if (handler.authenticatesConnection || !user) return null
    const known = token ? this.#parts.users.get(token) : undefined
    return known ?? { id: user.id, username: user.name ?? String(user.id), role: '' }
  }

  #joined(clientId: string, roomId: string): void {
    const entry = this.#entries.get(clientId)
    if (!entry) return
    this.#entries.delete(clientId)
    this.#atTheDoor.delete(clientId)
    const { handler, context, auth } = entry
    const { ws } = context
    this.#parts.connections.admit(ws)
    const now = Date.now()
    const keeper = this.#parts.rooms()
    let room: Room
    try {
      const client = { ...auth.clientMetadata, id: clientId, roomId, connectedAt: now, lastActivity: now }
      room = keeper.join(roomId, client)
    } catch (error) {
      this.#warn(`The room cannot be opened: ${messageOf(error)}`, clientId, roomId)
      ws.send(JSON.stringify(errorFrame(hostFailed('the room cannot be opened'))))
      ws.close(4500, JSON.stringify({ code: 'HOST_FAILED' }))
      return
    }
    if (auth.deviceAuth) this.#parts.devices.set(clientId, auth.deviceAuth)
    const session = new RoomTypeSession(handler, context, auth, room, this.#reach, this.#parts.logger)
    this.#sessions.set(clientId, { session, keeper })
    session.begin()
  }

  #left(clientId: string): void {
    this.#sendAway(clientId)
    this.#parts.devices.delete(clientId)
    const seat = this.#sessions.get(clientId)
    if (!seat) return
    this.#sessions.delete(clientId)
    const { session, keeper } = seat
    session.end()
    keeper.leave(session.roomId, session.room, clientId)
  }

  /**
   * A limit may keep out a client that its room type has let in, and a room type may never answer; nothing more is
   * heard of such a client.
   */
  #forgetThoseWhoNeverCame(): void {
    const since = Date.now() - DOOR_TIMEOUT_MS
    for (const [clientId, at] of this.#atTheDoor) {
      if (at > since) return
      // A connected one is about to come, once Node's thread gets to it.
      if (!this.#parts.engine.call((module) => module.connection(clientId), null)) this.#sendAway(clientId)
    }
  }

  #sendAway(clientId: string): void {
    this.#atTheDoor.delete(clientId)
    this.#entries.delete(clientId)
    this.#parts.connections.forget(clientId)
  }

  #warn(message: string, clientId: string, roomId: string): void {
    log(this.#parts.logger, 'warn', message, { operation: 'realtime:room-type:failed', clientId, roomId })
  }
}

async function askHandler(handler: RoomTypeHandler, context: ConnectionContext): Promise<AuthResult | Refusal> {
  if (!handler.onConnect) return { success: true }
  let answer: unknown
  try {
    answer = await handler.onConnect(context)
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal) return refusal
    throw error
  }
  return readAuth(answer)
}
