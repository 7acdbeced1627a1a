/** What a server is made from, and what it tells about itself. */

import type { RealtimeConfig } from './config.js'
import type { AuthService, DatabaseService, HookSystem, Logger, RecordManager } from './core.js'
import type { DocumentCodec } from './native.js'

/** The services of the core. */
export interface RealtimeServerDeps {
  logger: Logger
  hookSystem: HookSystem
  authService: AuthService
  /** May be set later, by `RealtimeServer.setRecordManager`. */
  recordManager?: RecordManager
  /** Without it, records have no drafts: documents live in snapshots alone. */
  databaseService?: DatabaseService
  /** For an editor whose schema is not the built-in one. */
  codec?: DocumentCodec
}

/** Where the configuration comes from; `RealtimeConfigManager` is one. */
export interface ConfigSource {
  /** The system data folder, where the database goes. */
  readonly basePath: string
  loadConfig(): Promise<RealtimeConfig>
}

/** What `RealtimeServer.triggerRecordSnapshot` did. */
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
  /** `stopped` before `RealtimeServer.initialize`, after `shutdown`, and while disabled. */
  status: string
  server: {
    listening: boolean
    /** The real port, also if the configuration asks for any. */
    port: number | null
    host: string | null
  }
  [fact: string]: unknown
}
