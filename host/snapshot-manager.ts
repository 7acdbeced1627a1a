/** Snapshots as hosts deal with them; the engine takes, stores, checks and deletes them. */

import { createHash } from 'node:crypto'

import { SNAPSHOT_FORMAT_V1 } from './constants.js'
import type { Logger } from './core.js'
import { unsupported } from './errors.js'
import { log } from './event-sink.js'
import { SnapshotHookBus, type SnapshotHookEvents } from './snapshot-hook-bus.js'
import type { SnapshotRow, SnapshotStorage } from './snapshot-storage.js'
import { messageOf } from './thrown.js'

/** What was once handed over to be stored. */
export interface PersistRequest {
  roomId: string
  blob: Uint8Array
}

/** What was once swept by. */
export interface CleanupOptions {
  activeRoomIds: ReadonlySet<string>
}

/**
 * The snapshots of a server: `RealtimeServer.getSnapshotManager`.
 *
 * What can be read depends on where snapshots are: files can, the engine's own database cannot (`UNSUPPORTED`).
 */
export class SnapshotManager {
  readonly #logger: Logger
  readonly #storage: () => SnapshotStorage
  readonly #bus: SnapshotHookBus

  /** @param storage - or what gives it, if that is known only later */
  constructor(logger: Logger, storage: SnapshotStorage | (() => SnapshotStorage), bus = new SnapshotHookBus()) {
    this.#logger = logger
    this.#storage = typeof storage === 'function' ? storage : () => storage
    this.#bus = bus
  }

  /** What happens to snapshots. */
  getHookBus(): SnapshotHookBus {
    return this.#bus
  }

  /** The newest snapshot as it is stored, null if there is none. */
  async loadLatest(roomId: string): Promise<SnapshotRow | null> {
    return this.#storage().loadLatestRow(roomId)
  }

  /**
   * The newest snapshot, null if there is none or it is not what was written. One of a newer format counts as
   * none, too.
   */
  async loadLatestVerified(roomId: string): Promise<SnapshotRow | null> {
    const row = await this.loadLatest(roomId)
    if (!row || row.format_version > SNAPSHOT_FORMAT_V1) return null
    const computedHash = createHash('sha256').update(row.snapshot_data).digest('hex')
    if (computedHash === row.integrity_hash) return row
    const { version, integrity_hash: expectedHash } = row
    this.heard('realtime:snapshot:integrity-failed', { roomId, version, expectedHash, computedHash })
    return null
  }

  /** @throws RealtimeError with code `UNSUPPORTED`: the engine stores what it has, and nothing else */
  async persist(_request: PersistRequest): Promise<void> {
    throw unsupported('the engine writes snapshots; RealtimeServer.triggerRecordSnapshot has one taken now')
  }

  /** @throws RealtimeError with code `UNSUPPORTED`: the engine sweeps at its start and every six hours */
  async cleanupExpired(_options: CleanupOptions): Promise<number> {
    throw unsupported('the engine deletes expired snapshots at its start and every six hours')
  }

  /** There is nothing to start: the engine sweeps whenever it runs. */
  startCleanup(_activeRoomIds?: () => ReadonlySet<string>, _intervalMs?: number): void {}

  /** There is nothing to stop: the engine's sweep ends with it. */
  stopCleanup(): void {}

  /** Passes an event on to the listeners; what they throw is logged. */
  heard(event: string, payload: unknown): void {
    if (!event.startsWith('realtime:snapshot:')) return
    try {
      this.#bus.emit(event as keyof SnapshotHookEvents, payload as SnapshotHookEvents[keyof SnapshotHookEvents])
    } catch (error) {
      log(this.#logger, 'warn', `A listener of ${event} failed`, {
        operation: 'realtime:snapshot:listener',
        error: messageOf(error),
      })
    }
  }
}
