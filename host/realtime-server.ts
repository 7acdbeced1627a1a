/** The engine as CivicPress core sees it: one server that is started, asked and shut down. */

import { setTimeout as sleep } from 'node:timers/promises'

import type { RealtimeConfig } from './config.js'
import { RECORDS_ROOM_TYPE } from './constants.js'
import type { AuthService, DatabaseService, HookSystem, Logger, RecordManager } from './core.js'
import { importCoreErrors } from './core-errors.js'
import { askEngine, callEngine } from './errors.js'
import { emitHook, log, type LogLevel } from './event-sink.js'
import { type HostCallbacks, RealtimeModule } from './native.js'
import { createRecordHost, type RecordServices } from './record-host.js'
import { onSessionsRevoked } from './session-revocation.js'

/**
 * After this, {@link RealtimeServer.shutdown} resolves even if the engine is not done. The engine has a
 * shorter deadline of its own; this one is for an engine that does not keep it.
 */
const SHUTDOWN_TIMEOUT_MS_MAX = 30_000

/** The services of the core. */
export interface RealtimeServerDeps {
  logger: Logger
  hookSystem: HookSystem
  authService: AuthService
  /** May be set later, by {@link RealtimeServer.setRecordManager}. */
  recordManager?: RecordManager
  /** Without it, records have no drafts: documents live in snapshots alone. */
  databaseService?: DatabaseService
}

/** Where the configuration comes from; `RealtimeConfigManager` is one. */
export interface ConfigSource {
  /** The system data folder, where the database goes. */
  readonly basePath: string
  loadConfig(): Promise<RealtimeConfig>
}

/** What {@link RealtimeServer.triggerRecordSnapshot} did. */
export interface SnapshotResult {
  /** False if the record has no live room, or nothing new since the last snapshot. */
  snapshotCreated: boolean
  /** The room's newest snapshot; null if no room is live. */
  version: number | null
  /** Milliseconds since the epoch. */
  timestamp: number
}

/** How the server is doing. */
export interface RealtimeHealthStatus {
  /** `stopped` before {@link RealtimeServer.initialize}, after `shutdown`, and while disabled. */
  status: string
  server: {
    listening: boolean
    /** The real port, also if the configuration asks for any. */
    port: number | null
    host: string | null
  }
  [fact: string]: unknown
}

/** An engine that listens. */
interface Running {
  module: RealtimeModule
  address: { host: string; port: number }
  /** Takes the server off the hook bus. */
  unhook: () => void
}

/** The realtime server. Made by `createRealtimeServer` or resolved as `realtimeServer`; starts nothing. */
export class RealtimeServer {
  readonly #logger: Logger
  readonly #hooks: HookSystem
  readonly #services: RecordServices
  readonly #configSource: ConfigSource
  #running: Running | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(deps: RealtimeServerDeps, configSource: ConfigSource) {
    this.#logger = deps.logger
    this.#hooks = deps.hookSystem
    this.#services = { auth: deps.authService, records: deps.recordManager, drafts: deps.databaseService }
    this.#configSource = configSource
  }

  /**
   * Reads the configuration and listens. A second call returns what the first did; after `shutdown`, or
   * after a failure, it starts anew. With `enabled: false` it resolves without listening.
   *
   * @throws RealtimeError with code `CONFIG_INVALID`, or `LISTEN_FAILED` if the address is taken; nothing
   *   is left behind then, so that the host can go on without realtime
   */
  initialize(): Promise<void> {
    if (this.#stopping) return this.#stopping.then(() => this.initialize())
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /**
   * Stops listening, closes every connection with 4503, saves what is unsaved. Calling it again, or
   * without having started, does nothing. Never rejects: what went wrong is logged.
   */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#starting = undefined
      this.#stopping = undefined
    })
    return this.#stopping
  }

  /**
   * Saves a record's room now, if it is live.
   *
   * @throws RealtimeError, for example with code `STORAGE_FAILED` or `INVALID_ID`
   */
  async triggerRecordSnapshot(recordId: string): Promise<SnapshotResult> {
    const running = this.#running
    if (!running) return { snapshotCreated: false, version: null, timestamp: Date.now() }
    return askEngine(() => running.module.snapshot(`${RECORDS_ROOM_TYPE}:${recordId}`))
  }

  /** The state of the engine. Cheap. */
  getHealthStatus(): RealtimeHealthStatus {
    const running = this.#running
    if (!running) return { status: 'stopped', server: { listening: false, port: null, host: null } }
    return { ...running.module.health(), server: { listening: true, ...running.address } }
  }

  /**
   * Closes the connections of a user with 4001.
   *
   * @param reason - told to the user's clients
   * @returns how many there were
   */
  revokeUserConnections(userId: number | string, reason?: string): number {
    return callEngine(() => this.#running?.module.revoke(userId, reason)) ?? 0
  }

  /** Emits a hook of the host's bus without waiting for its handlers. */
  emitHook(event: string, data: unknown): void {
    emitHook(this.#hooks, this.#logger, event, data)
  }

  /** Replaces the source of records, at once. */
  setRecordManager(recordManager: RecordManager): void {
    this.#services.records = recordManager
  }

  /** Replaces the drafts, at once. */
  setDatabaseService(databaseService: DatabaseService): void {
    if (this.#running && !this.#services.drafts) {
      log(this.#logger, 'warn', 'Drafts are written only after the next start: there was no database service', {
        operation: 'realtime:drafts',
      })
    }
    this.#services.drafts = databaseService
  }

  async #start(): Promise<void> {
    await importCoreErrors()
    const config = await this.#configSource.loadConfig()
    if (!config.enabled) {
      log(this.#logger, 'info', 'Realtime is disabled by its configuration', { operation: 'realtime:disabled' })
      return
    }
    const { basePath } = this.#configSource
    const module = callEngine(() => new RealtimeModule(config, this.#callbacks(), basePath))
    let unhook = (): void => {}
    try {
      // Before the first client can be there, so that no revocation is missed.
      unhook = onSessionsRevoked(this.#hooks, this.#logger, ({ userId, reason }) => {
        module.revoke(userId, reason)
      })
      const address = await askEngine(() => module.start())
      if (address) {
        this.#running = { module, address, unhook }
        return
      }
      // The environment, which only the engine reads, has disabled it.
      unhook()
      await module.shutdown()
    } catch (error) {
      unhook()
      await module.shutdown().catch(() => {})
      throw error
    }
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    const running = this.#running
    if (!running) return
    running.unhook()
    const deadline = new AbortController()
    try {
      const late = sleep(SHUTDOWN_TIMEOUT_MS_MAX, true, { signal: deadline.signal })
      if (await Promise.race([askEngine(() => running.module.shutdown()), late])) {
        this.#shutdownFailed(`not done within ${SHUTDOWN_TIMEOUT_MS_MAX} ms`)
      }
    } catch (error) {
      this.#shutdownFailed(error)
    } finally {
      deadline.abort()
      this.#running = undefined
    }
  }

  #shutdownFailed(error: unknown): void {
    log(this.#logger, 'error', 'The realtime server did not shut down cleanly', {
      operation: 'realtime:shutdown:failed',
      error: error instanceof Error ? error.message : String(error),
    })
  }

  #callbacks(): HostCallbacks {
    const { authorize, load, save } = createRecordHost(this.#services)
    return {
      authorize,
      load,
      ...(this.#services.drafts ? { save } : {}),
      hook: (name: string, data: unknown) => this.emitHook(name, data),
      log: (level: LogLevel, message: string, data: unknown) => log(this.#logger, level, message, data),
    }
  }
}
