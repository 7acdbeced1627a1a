/** All connections by client id, as a `Map` that is never behind the engine. */

import { RealtimeConnection, type ConnectionFacts } from './connection.js'
import type { EngineLink } from './engine-link.js'

/** Ids of clients that are gone for us, while the engine may still be clearing up behind them. */
const GONE_MAX = 1_000

/**
 * The live connections. Every look asks the engine, so that nothing has to be kept up to date; only the objects
 * are kept, so that a connection is the same one each time. Whoever wants to close a connection calls its
 * `close`: entries cannot be set or deleted from outside.
 */
export class ConnectionMap extends Map<string, RealtimeConnection> {
  readonly #engine: EngineLink
  readonly #gone = new Set<string>()
  /** Clients whose room type is being asked. */
  readonly #atTheDoor = new Map<string, RealtimeConnection>()

  constructor(engine: EngineLink) {
    super()
    this.#engine = engine
  }

  override get(clientId: string): RealtimeConnection | undefined {
    const now = this.#gone.has(clientId)
      ? null
      : this.#engine.call((module) => module.connection(String(clientId)), null)
    if (now) return this.#known(now)
    this.#drop(clientId)
    return undefined
  }

  override has(clientId: string): boolean {
    return this.get(clientId) !== undefined
  }

  override get size(): number {
    this.#look()
    return super.size
  }

  override forEach(
    visit: (connection: RealtimeConnection, clientId: string, map: Map<string, RealtimeConnection>) => void,
    self?: unknown,
  ): void {
    for (const [clientId, connection] of this) visit.call(self, connection, clientId, this)
  }

  override entries(): MapIterator<[string, RealtimeConnection]> {
    this.#look()
    return super.entries()
  }

  override keys(): MapIterator<string> {
    this.#look()
    return super.keys()
  }

  override values(): MapIterator<RealtimeConnection> {
    this.#look()
    return super.values()
  }

  override [Symbol.iterator](): MapIterator<[string, RealtimeConnection]> {
    return this.entries()
  }

  override set(): never {
    throw new TypeError('connections are made by clients; they cannot be set')
  }

  override delete(): never {
    throw new TypeError('a connection ends by its close(); it cannot be deleted')
  }

  override clear(): never {
    throw new TypeError('connections end by their close(); they cannot be cleared')
  }

  /** A client whose room type is asked whether to let it in. */
  reserve(facts: ConnectionFacts): RealtimeConnection {
    const connection = new RealtimeConnection(this.#engine, facts, true)
    this.#atTheDoor.set(facts.clientId, connection)
    return connection
  }

  /** The client is in. */
  admit(connection: RealtimeConnection): void {
    this.#atTheDoor.delete(connection.clientId)
    super.set(connection.clientId, connection)
    connection.admit()
  }

  /** The client is gone or was refused, whatever the engine still says. */
  forget(clientId: string): void {
    this.#drop(clientId)
    this.#atTheDoor.get(clientId)?.end()
    this.#atTheDoor.delete(clientId)
    this.#gone.add(clientId)
    if (this.#gone.size > GONE_MAX) this.#look()
  }

  #look(): void {
    const now = this.#engine.call((module) => module.connections(), [])
    const ids = new Set(now.map((connection) => connection.clientId))
    for (const clientId of this.#gone) if (!ids.has(clientId)) this.#gone.delete(clientId)
    for (const clientId of super.keys()) if (!ids.has(clientId)) this.#drop(clientId)
    for (const connection of now) if (!this.#gone.has(connection.clientId)) this.#known(connection)
  }

  #known(facts: ConnectionFacts): RealtimeConnection {
    const known = super.get(facts.clientId)
    if (known) return known
    const connection = this.#atTheDoor.get(facts.clientId) ?? new RealtimeConnection(this.#engine, facts)
    super.set(facts.clientId, connection)
    return connection
  }

  #drop(clientId: string): void {
    super.get(clientId)?.end()
    super.delete(clientId)
  }
}
