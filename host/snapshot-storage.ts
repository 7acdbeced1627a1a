/** Stored snapshots, as hosts may look at them. The engine alone writes and deletes them. */

import type { DatabaseService, Logger } from './core.js'
import { unsupported } from './errors.js'

/** A stored document. */
export interface Snapshot {
  roomId: string
  /** A Yjs update (version 1) that makes the document. */
  yjsState: Uint8Array
  /** Counts up per room from 1. */
  version: number
  /** Milliseconds since the epoch. */
  timestamp: number
}

/** A stored document with what is stored beside it, under the names of the table `realtime_snapshots`. */
export interface SnapshotRow {
  room_id: string
  /** Counts up per room from 1. */
  version: number
  /** A Yjs update (version 1) that makes the document. */
  snapshot_data: Uint8Array
  /** The SHA-256 of the data, hex. */
  integrity_hash: string
  /** `SNAPSHOT_FORMAT_V1`, whether the data was stored compressed or not; or one that is not known here. */
  format_version: number
  /** Of the data, in bytes. */
  byte_size: number
  /** Milliseconds since the epoch. */
  created_at: number
}

/** Where snapshots are. */
export interface SnapshotStorage {
  /** The newest snapshot of a room, null if there is none. */
  loadSnapshot(roomId: string): Promise<Snapshot | null>
  /** The same with what is stored beside it. */
  loadLatestRow(roomId: string): Promise<SnapshotRow | null>
  /** All snapshots that are older, the oldest first. @param cutoff - milliseconds since the epoch */
  findOlderThan(cutoff: number): Promise<SnapshotRow[]>
  /** Stores a snapshot. */
  saveSnapshot(snapshot: Snapshot): Promise<void>
  /** Deletes all snapshots of a room. */
  deleteSnapshot(roomId: string): Promise<void>
  /** Stores a snapshot with what belongs beside it. */
  insert(row: SnapshotRow): Promise<void>
  /** Deletes one snapshot. */
  deleteRow(roomId: string, version: number): Promise<void>
}

/** What the engine alone does; the same for every kind of storage. */
export abstract class EngineWrittenStorage implements SnapshotStorage {
  abstract loadSnapshot(roomId: string): Promise<Snapshot | null>
  abstract loadLatestRow(roomId: string): Promise<SnapshotRow | null>
  abstract findOlderThan(cutoff: number): Promise<SnapshotRow[]>

  /** @throws RealtimeError with code `UNSUPPORTED` */
  async saveSnapshot(_snapshot: Snapshot): Promise<void> {
    throw unsupported(ENGINE_WRITES)
  }

  /** @throws RealtimeError with code `UNSUPPORTED` */
  async insert(_row: SnapshotRow): Promise<void> {
    throw unsupported(ENGINE_WRITES)
  }

  /** @throws RealtimeError with code `UNSUPPORTED` */
  async deleteSnapshot(_roomId: string): Promise<void> {
    throw unsupported(ENGINE_DELETES)
  }

  /** @throws RealtimeError with code `UNSUPPORTED` */
  async deleteRow(_roomId: string, _version: number): Promise<void> {
    throw unsupported(ENGINE_DELETES)
  }
}

const ENGINE_WRITES = 'the engine writes snapshots; RealtimeServer.triggerRecordSnapshot has one taken now'
const ENGINE_DELETES =
  'the engine deletes snapshots: all but the newest few, and those of rooms that are no longer used'
const OWN_FILE =
  "snapshots are in the engine's own realtime.db, which no other SQLite may open while it runs; with " +
  '`snapshots.storage: filesystem` they can be read'

/**
 * Snapshots in a database. The engine's is its own file, never the host's, so nothing can be read through the
 * host's database service: all methods reject with code `UNSUPPORTED`.
 */
export class DatabaseSnapshotStorage extends EngineWrittenStorage {
  constructor(_database?: DatabaseService, _logger?: Logger) {
    super()
  }

  async loadSnapshot(_roomId: string): Promise<Snapshot | null> {
    throw unsupported(OWN_FILE)
  }

  async loadLatestRow(_roomId: string): Promise<SnapshotRow | null> {
    throw unsupported(OWN_FILE)
  }

  async findOlderThan(_cutoff: number): Promise<SnapshotRow[]> {
    throw unsupported(OWN_FILE)
  }
}
