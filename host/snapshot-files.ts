/** Snapshots in files, read beside the engine that writes them. */

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { SNAPSHOT_FORMAT_V1, SNAPSHOT_FORMAT_ZSTD } from './constants.js'
import type { Logger } from './core.js'
import { log } from './event-sink.js'
import { RealtimeModule } from './native.js'
import { parseRoomId } from './room-ids.js'
import { EngineWrittenStorage, type Snapshot, type SnapshotRow } from './snapshot-storage.js'

/** A longer name is cut and told apart by a hash, as the engine does. */
const NAME_BYTES_MAX = 120
const PREFIX_BYTES = 40
const META = '.meta.json'

/**
 * Snapshots under `<basePath>/realtime/snapshots`, with `snapshots.storage: filesystem`. Reading is all that is
 * offered: the engine may be writing, and everything else rejects with code `UNSUPPORTED`.
 */
export class FilesystemSnapshotStorage extends EngineWrittenStorage {
  readonly #root: string
  readonly #logger: Logger | undefined

  /**
   * @param basePath - the folder of the engine's database: the system data folder, if `storage.file` says nothing else
   * @param logger - told of files that cannot be read
   */
  constructor(basePath: string, logger?: Logger) {
    super()
    this.#root = path.join(path.resolve(basePath), 'realtime', 'snapshots')
    this.#logger = logger
  }

  override async loadSnapshot(roomId: string): Promise<Snapshot | null> {
    const row = await this.loadLatestRow(roomId)
    return row && { roomId: row.room_id, yjsState: row.snapshot_data, version: row.version, timestamp: row.created_at }
  }

  /** @throws RealtimeError with code `INVALID_ID`; an error of the file system if the folder cannot be read */
  override async loadLatestRow(roomId: string): Promise<SnapshotRow | null> {
    const id = parseRoomId(roomId).roomId
    const rows = await this.#rows(safeName(id))
    return rows.filter((row) => row.room_id === id).sort((a, b) => b.version - a.version)[0] ?? null
  }

  /** @throws an error of the file system if a folder cannot be read */
  override async findOlderThan(cutoff: number): Promise<SnapshotRow[]> {
    const rows: SnapshotRow[] = []
    for (const folder of await names(this.#root)) {
      rows.push(...(await this.#rows(folder)).filter((row) => row.created_at < cutoff))
    }
    return rows.sort((a, b) => a.created_at - b.created_at)
  }

  async #rows(folder: string): Promise<SnapshotRow[]> {
    const rows: SnapshotRow[] = []
    for (const name of await names(path.join(this.#root, folder))) {
      if (!name.endsWith(META)) continue
      const row = await this.#row(path.join(this.#root, folder, name))
      if (row) rows.push(row)
    }
    return rows
  }

  /** Null for one that is gone by now, or was never whole. */
  async #row(metaFile: string): Promise<SnapshotRow | null> {
    try {
      const meta = JSON.parse(await readFile(metaFile, 'utf8')) as Omit<SnapshotRow, 'snapshot_data'>
      const stored = new Uint8Array(await readFile(`${metaFile.slice(0, -META.length)}.snapshot`))
      const { room_id, version, integrity_hash, byte_size, created_at } = meta
      const isPacked = meta.format_version === SNAPSHOT_FORMAT_ZSTD
      const snapshot_data = isPacked ? await unpacked(stored, byte_size) : stored
      const format_version = isPacked ? SNAPSHOT_FORMAT_V1 : meta.format_version
      return { room_id, version, snapshot_data, integrity_hash, format_version, byte_size, created_at }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && this.#logger) {
        log(this.#logger, 'warn', 'A snapshot cannot be read', { operation: 'realtime:snapshot:read', file: metaFile })
      }
      return null
    }
  }
}

/** What is damaged stays as it is, so that its hash tells. */
async function unpacked(stored: Uint8Array, byteSize: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await RealtimeModule.unpackSnapshot(stored, byteSize))
  } catch {
    return stored
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/** The engine's name for a room's folder: what not every file system tells apart is written in hex. */
function safeName(roomId: string): string {
  let name = ''
  for (const byte of Buffer.from(roomId)) {
    const char = String.fromCharCode(byte)
    name += /[a-z0-9_-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`
  }
  if (name.length <= NAME_BYTES_MAX) return name
  return `${name.slice(0, PREFIX_BYTES)}~${createHash('sha256').update(roomId).digest('hex')}`
}
