/** The configuration's shape: `realtime.yml`, with snake_case keys as they stand there. */

/** The keys of `realtime.yml` that hosts use; `config/realtime.example.yml` documents them all. */
export interface RealtimeConfig {
  /** Whether to listen at all. @default true */
  enabled: boolean
  /** 0 takes any free port. @default 3001 */
  port: number
  /** The address to listen on. @default '0.0.0.0' */
  host: string
  /** The beginning of every URL path. @default '/realtime' */
  path: string
  /** Parts that can be switched off. */
  features?: {
    /** Whether there is realtime at all, as `enabled`. @default true */
    realtime: boolean
    /** Whether records may be edited together; else everybody reads only. @default true */
    collaborative_editing: boolean
    /** Whether people see each other. @default true */
    presence_tracking: boolean
    /** Whether snapshots are taken and drafts written, as `snapshots.enabled`. @default true */
    snapshots: boolean
  }
  rooms: {
    /** Rooms that may be live at once; joining a live room is always allowed. @default 100 */
    max_rooms: number
    /** Seconds. @default 3600 */
    cleanup_timeout: number
    /** A room without clients stays this many milliseconds. @default 300000 */
    grace_period_ms: number
    [key: string]: unknown
  }
  snapshots: {
    /** @default true */
    enabled: boolean
    /** Seconds, fractions allowed; 0 = no timer. @default 300 */
    interval: number
    /** A snapshot is made after this many updates since the last; of a document over 128 KiB, for each 64 KiB. @default 100 */
    max_updates: number
    /** @default 'database' */
    storage: 'database' | 'filesystem'
    [key: string]: unknown
  }
  rate_limiting: {
    /** @default 10 */
    messages_per_second: number
    /** @default 100 */
    connections_per_ip: number
    /** @default 10 */
    connections_per_user: number
    [key: string]: unknown
  }
  connection_cleanup?: {
    /** @default true */
    enabled: boolean
    /** Seconds. @default 60 */
    check_interval: number
    /** Seconds of silence after which a connection is dropped. @default 600 */
    stale_threshold: number
    [key: string]: unknown
  }
  storage?: {
    /** The database; a relative path begins at the folder of `realtime.yml`. @default 'realtime.db' */
    file?: string
    [key: string]: unknown
  }
  [key: string]: unknown
}

/** A complete configuration, and what should be said about the one it was made from. */
export interface CheckedConfig {
  config: RealtimeConfig
  /** Such as an unknown key, with the nearest known one. */
  warnings: string[]
}
