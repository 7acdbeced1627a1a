/** All rooms, of records and of the host's own types. */

import { RECORDS_ROOM_TYPE } from './constants.js'
import type { RealtimeConnection } from './connection.js'
import type { Logger } from './core.js'
import { correlationId } from './correlation-id.js'
import { RoomNotFoundError } from './errors.js'
import { log } from './event-sink.js'
import type { NoticeLevel } from './messages.js'
import type { RoomSummary } from './native.js'
import { PlainRoom } from './plain-room.js'
import { RecordRoom } from './record-room.js'
import { checkRoom, type ClientData, type Room, type RoomConfig, type RoomFactory } from './room.js'
import { checkRoomType, parseRoomId, readRoomId, type RoomIdParts } from './room-ids.js'
import { ifRejected, messageOf } from './thrown.js'

/** How long rooms without clients stay, in milliseconds, until the server has read its configuration. */
const GRACE_PERIOD_MS = 300_000
/** How long a room's `destroy` is waited for, in milliseconds. */
const DESTROY_TIMEOUT_MS = 5_000

/** What a manager needs of its server. */
export interface RoomManagerServer {
  emitHook(event: string, data: unknown): void
  readonly connections: ReadonlyMap<string, RealtimeConnection>
  /** The rooms in the engine's memory. */
  liveRooms(): RoomSummary[]
  hasRoomType(roomType: string): boolean
  sendNotice(message: string, level?: NoticeLevel, roomId?: string): Promise<number>
}

/** The longest that a timer of Node.js can run, in milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A room that is kept here. */
interface Kept {
  roomId: string
  room: Room
  clients: Set<string>
  /** Runs while it has no clients. */
  end: NodeJS.Timeout | undefined
}

/**
 * The rooms of a server.
 *
 * A room of a host's own type lives here: made when somebody comes in or {@link RoomManager.getOrCreateRoom} asks
 * for it, kept while it has clients and for `rooms.grace_period_ms` after. A record's room lives in the engine, and
 * is seen through a {@link RecordRoom}.
 */
export class RoomManager {
  readonly #logger: Logger
  readonly #server: RoomManagerServer
  readonly #factories = new Map<string, RoomFactory>()
  readonly #rooms = new Map<string, Kept>()
  /** Views of records' rooms that somebody has asked for. */
  readonly #views = new Map<string, RecordRoom>()
  #gracePeriodMs = GRACE_PERIOD_MS

  constructor(logger: Logger, server: RoomManagerServer) {
    this.#logger = logger
    this.#server = server
  }

  /**
   * Sets what makes the rooms of a type. A type with a handler but no factory gets plain rooms.
   *
   * @throws RealtimeError with code `INVALID_ID` for a name that cannot be one
   */
  registerRoomType(roomType: string, factory: RoomFactory): void {
    this.#factories.set(checkRoomType(roomType), factory)
  }

  /** The room of this id; null if there is none. The same object for as long as the room lives. */
  getRoom(roomId: string): Room | null {
    const id = readRoomId(roomId)
    if (!id) return null
    const kept = this.#rooms.get(id.roomId)
    if (kept) return kept.room
    if (id.roomType !== RECORDS_ROOM_TYPE) return null
    if (this.#isLive(id.roomId)) return this.#view(id)
    this.#views.delete(id.roomId)
    return null
  }

  /**
   * The room of this id, made if there is none. One that nobody comes into ends after the grace period. A record's
   * room is opened by the first client that joins it: until then, its view is empty.
   *
   * @param roomType - the id's own
   * @throws RealtimeError with code `INVALID_ID`, `RoomNotFoundError` if there are no rooms of this type, and whatever
   *   the factory throws
   */
  getOrCreateRoom(roomId: string, roomType: string, config: Partial<RoomConfig> = {}): Room {
    const id = parseRoomId(roomId)
    if (checkRoomType(roomType) !== id.roomType) throw new RoomNotFoundError(roomId, { roomType })
    return this.getRoom(id.roomId) ?? this.#make(id, config, null).room
  }

  /** The number of rooms. */
  getRoomCount(): number {
    return this.getActiveRoomIds().size
  }

  /** All rooms. */
  getAllRooms(): Room[] {
    return [...this.getActiveRoomIds()].map((id) => this.getRoom(id)).filter((room) => room !== null)
  }

  /** The ids of all rooms. */
  getActiveRoomIds(): Set<string> {
    const records = this.#server.liveRooms().filter(({ roomType }) => roomType === RECORDS_ROOM_TYPE)
    return new Set([...this.#rooms.keys(), ...records.map(({ roomId }) => roomId)])
  }

  /**
   * Ends a room; whoever is in it is closed with 1000 and `ROOM_REMOVED`. Does nothing if there is none. What the
   * room's `destroy` fails at is logged.
   *
   * @throws RealtimeError with code `UNSUPPORTED` for a record's live room, which the engine ends when it is saved
   */
  async removeRoom(roomId: string): Promise<void> {
    const id = readRoomId(roomId)
    const room = id && this.getRoom(id.roomId)
    if (id && room instanceof RecordRoom && !this.#rooms.has(id.roomId)) room.destroy()
    if (id) await this.#end(id.roomId, 'removed')
  }

  /** How long rooms stay without clients, in milliseconds; for rooms that get empty from now on. */
  setGracePeriodMs(ms: number): void {
    this.#gracePeriodMs = Math.min(ms, TIMER_MS_MAX)
  }

  /** The engine lets the first client into a room: it is made now, so that the hooks come in order. Never throws. */
  open(roomId: string, createdBy: unknown): void {
    const id = readRoomId(roomId)
    if (!id || this.#rooms.has(id.roomId)) return
    try {
      this.#make(id, {}, createdBy ?? null)
    } catch {
      // The client's own join meets the same failure, and tells it.
    }
  }

  /** A client comes into a room of a host's own type. Throws what the factory and the room throw. */
  join(roomId: string, client: ClientData): Room {
    const id = parseRoomId(roomId)
    const kept = this.#rooms.get(id.roomId) ?? this.#make(id, {}, client['userId'] ?? null)
    ifRejected(kept.room.addClient(client.id, client), (error) =>
      this.#failed(roomId, `The room failed to add a client: ${messageOf(error)}`),
    )
    kept.clients.add(client.id)
    clearTimeout(kept.end)
    kept.end = undefined
    return kept.room
  }

  /** A client is gone. Never throws. */
  leave(roomId: string, room: Room, clientId: string): void {
    const failed = (error: unknown): void =>
      this.#failed(roomId, `The room failed to remove a client: ${messageOf(error)}`)
    try {
      ifRejected(room.removeClient(clientId), failed)
    } catch (error) {
      failed(error)
    }
    const kept = this.#rooms.get(roomId)
    // A removed room's clients may leave after a new one has taken its place.
    if (kept?.room === room && kept.clients.delete(clientId)) this.#endWhenEmpty(kept)
  }

  /** The engine has news of a record's room. */
  heard(event: string, roomId: string, version: unknown): void {
    const view = this.#views.get(roomId)
    if (event === 'realtime:room:destroyed') {
      // One that is kept here as well stays the same object.
      if (!this.#rooms.has(roomId)) this.#views.delete(roomId)
    } else if (event === 'realtime:snapshot:saved' && typeof version === 'number') view?.saved(version)
    else view?.touch()
  }

  /** Ends all rooms. Never rejects. */
  async endAll(): Promise<void> {
    this.#views.clear()
    await Promise.all([...this.#rooms.keys()].map((roomId) => this.#end(roomId, 'shutdown')))
  }

  #make(id: RoomIdParts, config: Partial<RoomConfig>, createdBy: unknown): Kept {
    const room = this.#create({ ...config, roomId: id.roomId, roomType: id.roomType }, id)
    const kept: Kept = { roomId: id.roomId, room, clients: new Set(), end: undefined }
    this.#rooms.set(id.roomId, kept)
    this.#endWhenEmpty(kept)
    this.#emit('created', { roomId: id.roomId, roomType: id.roomType, createdBy })
    return kept
  }

  #create(config: RoomConfig, id: RoomIdParts): Room {
    const { roomId, roomType } = id
    if (roomType === RECORDS_ROOM_TYPE) return this.#view(id)
    const factory =
      this.#factories.get(roomType) ?? [...this.#factories.values()].find((other) => other.supportsRoomType(roomType))
    if (factory) return checkRoom(factory.createRoom(roomId, config))
    if (this.#server.hasRoomType(roomType)) return new PlainRoom(config, this.#server.connections)
    throw new RoomNotFoundError(roomId, { roomType })
  }

  #isLive(roomId: string): boolean {
    return this.#server.liveRooms().some((room) => room.roomId === roomId)
  }

  #view({ roomId, roomType }: RoomIdParts): RecordRoom {
    const view = this.#views.get(roomId) ?? new RecordRoom(roomId, roomType, this.#server)
    this.#views.set(roomId, view)
    return view
  }

  #endWhenEmpty(kept: Kept): void {
    if (kept.clients.size > 0) return
    clearTimeout(kept.end)
    kept.end = setTimeout(() => void this.#end(kept.roomId, 'idle'), this.#gracePeriodMs)
    kept.end.unref()
  }

  async #end(roomId: string, reason: string): Promise<void> {
    const kept = this.#rooms.get(roomId)
    if (!kept) return
    // At once, so that whoever comes now gets a new room.
    this.#rooms.delete(roomId)
    clearTimeout(kept.end)
    if (kept.room instanceof RecordRoom) {
      if (!this.#isLive(roomId)) this.#views.delete(roomId)
      return
    }
    for (const clientId of kept.clients) {
      this.#server.connections.get(clientId)?.close(1000, JSON.stringify({ code: 'ROOM_REMOVED' }))
    }
    await this.#destroy(kept)
    this.#emit('destroyed', { roomId, reason })
  }

  async #destroy({ roomId, room }: Kept): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`it is not done after ${DESTROY_TIMEOUT_MS} ms`), DESTROY_TIMEOUT_MS)
    })
    const done = (async () => room.destroy())().then(() => null, messageOf)
    const problem = await Promise.race([done, late])
    clearTimeout(timer)
    if (problem !== null) this.#failed(roomId, `The room failed to end: ${problem}`)
  }

  #emit(event: 'created' | 'destroyed', facts: { roomId: string; [fact: string]: unknown }): void {
    if (facts.roomId.startsWith(`${RECORDS_ROOM_TYPE}:`)) return
    this.#server.emitHook(`realtime:room:${event}`, { ...facts, timestamp: Date.now(), correlationId: correlationId() })
  }

  #failed(roomId: string, message: string): void {
    log(this.#logger, 'warn', message, { operation: 'realtime:room:failed', roomId })
  }
}
