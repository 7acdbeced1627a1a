/** The engine as CivicPress core sees it: one server that is started, asked and shut down. */

import path from 'node:path'

import type { RealtimeConfig } from './config.js'
import { ConnectionMap } from './connection-map.js'
import { RECORDS_ROOM_TYPE } from './constants.js'
import type { DatabaseService, HookSystem, Logger, RecordManager } from './core.js'
import { importCoreErrors } from './core-errors.js'
import { EngineLink } from './engine-link.js'
import { EngineRun } from './engine-run.js'
import { fromEngine } from './errors.js'
import { emitHook, log, type LogLevel } from './event-sink.js'
import { DefaultHandlerRegistry, type HandlerRegistry } from './handler-registry.js'
import { listen } from './hook-listeners.js'
import { LiveServer } from './live-server.js'
import type { DocumentCodec, HostCallbacks } from './native.js'
import { RecentUsers } from './recent-users.js'
import { onRecordsChanged } from './record-hooks.js'
import { createRecordHost, type RecordServices } from './record-host.js'
import { RoomManager } from './room-manager.js'
import type { DeviceAuth, RoomTypeHandler } from './room-type-handler.js'
import { RoomTypes } from './room-types.js'
import type { ConfigSource, RealtimeHealthStatus, RealtimeServerDeps } from './server-types.js'
import { onSessionsRevoked } from './session-revocation.js'
import { FilesystemSnapshotStorage } from './snapshot-files.js'
import { SnapshotManager } from './snapshot-manager.js'
import { DatabaseSnapshotStorage, type SnapshotStorage } from './snapshot-storage.js'

/** The realtime server. Made by `createRealtimeServer` or resolved as `realtimeServer`; starts nothing. */
export class RealtimeServer extends LiveServer {
  /** The devices among them: those whose room type's `onConnect` gave a `deviceAuth`. */
  readonly clientToDevice = new Map<string, DeviceAuth>()
  readonly #logger: Logger
  readonly #hooks: HookSystem
  readonly #services: RecordServices
  readonly #codec: DocumentCodec | undefined
  readonly #configSource: ConfigSource
  readonly #engine: EngineLink
  readonly #users = new RecentUsers()
  readonly #roomTypes: RoomTypes
  readonly #registry: DefaultHandlerRegistry
  readonly #snapshots: SnapshotManager
  #snapshotStorage: SnapshotStorage
  #roomManager: RoomManager | undefined
  #gracePeriodMs: number | undefined
  #run: EngineRun | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(deps: RealtimeServerDeps, configSource: ConfigSource) {
    const { logger, hookSystem, authService: auth, recordManager: records, databaseService: drafts } = deps
    const engine = new EngineLink()
    const connections = new ConnectionMap(engine)
    super(engine, connections)
    this.#engine = engine
    this.#logger = logger
    this.#hooks = hookSystem
    this.#codec = deps.codec
    this.#configSource = configSource
    this.#services = { auth, records, drafts, sessionChecked: (token, user) => this.#users.add(token, user) }
    this.#roomTypes = new RoomTypes({
      engine,
      connections,
      devices: this.clientToDevice,
      users: this.#users,
      rooms: () => this.getRoomManager(),
      logger,
    })
    this.#registry = new DefaultHandlerRegistry({
      logger,
      registered: (roomType, handler) => this.#register(roomType, handler),
      unregistered: (roomType) => engine.module?.unregisterRoomType(roomType),
    })
    this.#snapshotStorage = new DatabaseSnapshotStorage()
    this.#snapshots = new SnapshotManager(logger, () => this.#snapshotStorage)
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

  /** The state of the engine. Cheap. */
  getHealthStatus(): RealtimeHealthStatus {
    const run = this.#run
    if (!run) return { status: 'stopped', server: { listening: false, port: null, host: null } }
    return { ...run.module.health(), server: { listening: true, ...run.address } }
  }

  /** Registers a room type, before or after the start. See {@link HandlerRegistry}. */
  registerRoomTypeHandler(handler: RoomTypeHandler): void {
    this.#registry.registerRoomTypeHandler(handler)
  }

  /** The room types that there are. */
  getHandlerRegistry(): HandlerRegistry {
    return this.#registry
  }

  /** Whether there are rooms of a type. */
  hasRoomType(roomType: string): boolean {
    return this.#registry.hasHandler(roomType)
  }

  /** The rooms; the same manager also before the start and after `shutdown`. */
  getRoomManager(): RoomManager {
    this.#roomManager ??= new RoomManager(this.#logger, this)
    return this.#roomManager
  }

  /** Replaces the manager, for rooms to come: whoever is in a room stays in it. */
  setRoomManager(roomManager: RoomManager): void {
    this.#roomManager = roomManager
    if (this.#gracePeriodMs !== undefined) roomManager.setGracePeriodMs(this.#gracePeriodMs)
  }

  /** The snapshots. */
  getSnapshotManager(): SnapshotManager {
    return this.#snapshots
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
    if (this.#run && !this.#services.drafts) {
      log(this.#logger, 'warn', 'Drafts are written only after the next start: there was no database service', {
        operation: 'realtime:drafts',
      })
    }
    this.#services.drafts = databaseService
  }

  async #start(): Promise<void> {
    await importCoreErrors()
    const config = await this.#configSource.loadConfig()
    if (!config.enabled || config.features?.realtime === false) {
      log(this.#logger, 'info', 'Realtime is disabled by its configuration', { operation: 'realtime:disabled' })
      return
    }
    this.#configure(config)
    const run = await EngineRun.start({
      config,
      folder: this.#configSource.basePath,
      callbacks: this.#callbacks(),
      roomTypes: this.#registry.own().map(([name, handler]) => [name, this.#roomTypes.callbacks(handler)]),
      link: this.#engine,
      listen: () => this.#listen(),
      logger: this.#logger,
    })
    this.#run = run ?? undefined
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    await this.#run?.stop()
    this.#run = undefined
    this.#roomTypes.endAll()
    this.#users.clear()
    await this.#roomManager?.endAll()
  }

  #configure({ rooms, snapshots, storage }: RealtimeConfig): void {
    this.#gracePeriodMs = rooms.grace_period_ms
    this.getRoomManager().setGracePeriodMs(rooms.grace_period_ms)
    if (snapshots.storage === 'filesystem') {
      const database = path.resolve(this.#configSource.basePath, storage?.file ?? 'realtime.db')
      this.#snapshotStorage = new FilesystemSnapshotStorage(path.dirname(database), this.#logger)
    } else {
      this.#snapshotStorage = new DatabaseSnapshotStorage()
    }
  }

  #register(roomType: string, handler: RoomTypeHandler): void {
    try {
      this.#engine.module?.registerRoomType(roomType, this.#roomTypes.callbacks(handler))
    } catch (error) {
      throw fromEngine(error)
    }
  }

  #callbacks(): HostCallbacks {
    const { authorize, load, save } = createRecordHost(this.#services)
    return {
      authorize,
      load,
      ...(this.#services.drafts ? { save } : {}),
      codec: this.#codec ?? null,
      hook: (name, data) => this.#heard(name, data),
      log: (level: LogLevel, message, data) => log(this.#logger, level, message, data),
    }
  }

  /** What the engine tells of. Rooms of other types live in the manager, which tells of them itself. */
  #heard(name: string, data: Record<string, unknown>): void {
    const { roomId, createdBy, version } = data
    const isRecords = typeof roomId !== 'string' || roomId.startsWith(`${RECORDS_ROOM_TYPE}:`)
    if (isRecords && typeof roomId === 'string') this.getRoomManager().heard(name, roomId, version)
    this.#snapshots.heard(name, data)
    if (isRecords || !name.startsWith('realtime:room:')) this.emitHook(name, data)
    else if (name === 'realtime:room:created') this.getRoomManager().open(String(roomId), createdBy)
  }

  /** Begins to hear what the core tells of. */
  #listen(): () => void {
    return listen(this.#hooks, this.#logger, {
      ...onSessionsRevoked(this.#logger, ({ userId, reason }) => this.revokeUserConnections(userId, reason)),
      ...onRecordsChanged(this.#logger, async (recordId, notice) => {
        await this.recordChanged(recordId)
        await this.sendNotice(notice, 'info', `${RECORDS_ROOM_TYPE}:${recordId}`)
      }),
    })
  }
}
