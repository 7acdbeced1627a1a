/** Fixed numbers and names that a host may rely on. */

/** The `format_version` of a snapshot whose data is the document's Yjs update as it is; those that are read have it. */
export const SNAPSHOT_FORMAT_V1 = 1

/** The `format_version` of snapshots as they are stored: the same, compressed with zstd. */
export const SNAPSHOT_FORMAT_ZSTD = 2

/** A snapshot larger than this, in bytes, is stored all the same, with a hook and a warning. */
export const MAX_SNAPSHOT_BYTES = 1024 * 1024

/** Snapshots of rooms that nobody uses are kept this long, in milliseconds. */
export const SNAPSHOT_TTL_MS = 48 * 60 * 60 * 1000

/** The newest snapshots kept of each room. */
export const MAX_SNAPSHOT_VERSIONS_PER_ROOM = 3

/** The hook by which the core tells that a user's sessions are no longer valid. */
export const SESSION_REVOKED_HOOK = 'auth:sessions:revoked'

/** The room type of collaborative records. */
export const RECORDS_ROOM_TYPE = 'records'

/** Written as `author` and `created_by` of a draft that a snapshot created. */
export const SNAPSHOT_AUTHOR = 'realtime-snapshot'
