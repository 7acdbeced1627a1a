/** One run of the engine, from its start to its end. */

import { setTimeout as sleep } from 'node:timers/promises'

import type { RealtimeConfig } from './config.js'
import type { Logger } from './core.js'
import type { EngineLink } from './engine-link.js'
import { askEngine, callEngine } from './errors.js'
import { log } from './event-sink.js'
import { watchMemory } from './memory-watch.js'
import { type HostCallbacks, RealtimeModule } from './native.js'
import type { RoomTypeCallbacks } from './native.js'
import { messageOf } from './thrown.js'

/**
 * After this, {@link EngineRun.stop} resolves even if the engine is not done. The engine has a shorter deadline of
 * its own; this one is for an engine that does not keep it.
 */
const STOP_TIMEOUT_MS_MAX = 30_000

/** What an engine is started with. */
export interface EngineRunParts {
  config: RealtimeConfig
  /** Where its database goes. */
  folder: string
  callbacks: HostCallbacks
  roomTypes: Iterable<[string, RoomTypeCallbacks]>
  /** Where others find the engine; they do before the first client can be there. */
  link: EngineLink
  /** Begins to listen to the core, so that nothing is missed; gives what ends it. */
  listen: () => () => void
  logger: Logger
}

/** An engine that listens. */
export class EngineRun {
  readonly module: RealtimeModule
  readonly address: { host: string; port: number }
  readonly #parts: EngineRunParts
  readonly #unlisten: () => void
  readonly #unwatch: () => void

  private constructor(
    module: RealtimeModule,
    address: { host: string; port: number },
    parts: EngineRunParts,
    unlisten: () => void,
  ) {
    this.module = module
    this.address = address
    this.#parts = parts
    this.#unlisten = unlisten
    this.#unwatch = watchMemory(parts.logger)
  }

  /** Starts an engine; null if the environment, which the engine reads itself, has disabled it. */
  static async start(parts: EngineRunParts): Promise<EngineRun | null> {
    const { config, callbacks, folder, link } = parts
    const module = callEngine(() => new RealtimeModule(config, callbacks, folder))
    registerAll(module, parts)
    link.attach(module)
    let unlisten = (): void => {}
    let address: { host: string; port: number } | null | undefined
    try {
      unlisten = parts.listen()
      address = await askEngine(() => module.start())
      if (address) return new EngineRun(module, address, parts, unlisten)
      return null
    } finally {
      if (!address) {
        unlisten()
        link.detach()
        await module.shutdown().catch(() => {})
      }
    }
  }

  /** Ends it. Never rejects. */
  async stop(): Promise<void> {
    this.#unlisten()
    this.#unwatch()
    const deadline = new AbortController()
    try {
      const late = sleep(STOP_TIMEOUT_MS_MAX, true, { signal: deadline.signal })
      if (await Promise.race([askEngine(() => this.module.shutdown()), late])) {
        this.#failed(`not done within ${STOP_TIMEOUT_MS_MAX} ms`)
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      deadline.abort()
      this.#parts.link.detach()
    }
  }

  #failed(error: unknown): void {
    log(this.#parts.logger, 'error', 'The realtime server did not shut down cleanly', {
      operation: 'realtime:shutdown:failed',
      error: messageOf(error),
    })
  }
}

/** A type that the engine does not take leaves the others, and the records, as they are. */
function registerAll(module: RealtimeModule, { roomTypes, logger }: EngineRunParts): void {
  for (const [roomType, callbacks] of roomTypes) {
    try {
      module.registerRoomType(roomType, callbacks)
    } catch (error) {
      log(logger, 'error', `The room type ${roomType} cannot be offered`, {
        operation: 'realtime:room-type:register',
        roomType,
        error: messageOf(error),
      })
    }
  }
}
