/** What happens to snapshots, for listeners in this process. */

import { EventEmitter } from 'node:events'

import { messageOf } from './thrown.js'

/** What every event tells besides. */
interface Stamped {
  /** Milliseconds since the epoch. */
  timestamp?: number
  correlationId?: string
}

/** The events, with what they tell; the hook bus of the core hears the same ones. */
export interface SnapshotHookEvents {
  'realtime:snapshot:saved': Stamped & { roomId: string; snapshotId: string; version: number; byteSize: number }
  /** Over `MAX_SNAPSHOT_BYTES`; stored all the same. */
  'realtime:snapshot:oversize': Stamped & { roomId: string; byteSize: number; cap: number }
  /** A stored snapshot is not what was written; an older one is used. */
  'realtime:snapshot:integrity-failed': Stamped & {
    roomId: string
    version: number
    expectedHash: string
    computedHash: string
  }
  /** Deleted after `SNAPSHOT_TTL_MS` without use. */
  'realtime:snapshot:expired': Stamped & { roomId: string; version: number; ageMs: number }
  /** Deleted because there are newer ones. */
  'realtime:snapshot:pruned': Stamped & { roomId: string; version: number; keep: number }
  'realtime:snapshot:writeback-failed': Stamped & { roomId: string; recordId: string; stage: string; error: string }
}

/** An emitter of {@link SnapshotHookEvents}. */
export class SnapshotHookBus {
  readonly #emitter = new EventEmitter({ captureRejections: true })

  constructor() {
    // Where captured rejections arrive; without a listener they would end the process.
    this.#emitter.on('error', (error) => {
      const type = 'RealtimeSnapshotWarning'
      process.emitWarning(`A listener of snapshots failed: ${messageOf(error)}`, { type })
    })
  }

  /** Calls the listener at each such event from now on. */
  on<K extends keyof SnapshotHookEvents>(event: K, listener: (payload: SnapshotHookEvents[K]) => void): this {
    this.#emitter.on(event, listener)
    return this
  }

  /** Calls it no more. */
  off<K extends keyof SnapshotHookEvents>(event: K, listener: (payload: SnapshotHookEvents[K]) => void): this {
    this.#emitter.off(event, listener)
    return this
  }

  /** Calls the listeners; what one of them throws comes out here. */
  emit<K extends keyof SnapshotHookEvents>(event: K, payload: SnapshotHookEvents[K]): void {
    this.#emitter.emit(event, payload)
  }
}
