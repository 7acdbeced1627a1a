/**
 * What CivicPress core hands to this module: only the methods used, so that anything with the same
 * shape will do. The core's own classes fit as they are.
 */

/** The core's logger. */
export interface Logger {
  error(message: string, data?: unknown): void
  warn(message: string, data?: unknown): void
  info(message: string, data?: unknown): void
  debug(message: string, data?: unknown): void
}

/** A handler on the hook bus. */
export type HookHandler = (data: unknown, context?: unknown) => unknown

/** The core's hook bus. Some hosts can only emit; then revoked sessions are not heard of. */
export interface HookSystem {
  emit(name: string, data: unknown, context?: unknown): Promise<void> | void
  registerHook?(name: string, handler: HookHandler): void
  removeHook?(name: string, handler: HookHandler): void
}

/** A user as the core's session check returns them. */
export interface AuthUser {
  id: number | string
  username: string
  role: string
  email?: string
  name?: string
  avatar_url?: string
}

/** The core's sessions and permissions. */
export interface AuthService {
  /** The user of a session, or null if there is no such session or it has expired. */
  validateSession(token: string): Promise<AuthUser | null>
  userCan(
    user: AuthUser,
    permission: string,
    context?: { recordType?: string; action?: string },
  ): Promise<boolean>
}

/** A published record. */
export interface CoreRecord {
  id: string
  title: string
  type: string
  status: string
  /** The Markdown body. */
  content?: string
  metadata?: unknown
  workflowState?: string
}

/** The core's published records. */
export interface RecordManager {
  /** Null for an unknown id, and for a record that is only a draft so far. */
  getRecord(id: string): Promise<CoreRecord | null>
}

/** A stored draft; the columns that are read here. */
export interface DraftRow {
  id: string
  type: string
  /** Null when the draft changes only other fields of its record. */
  markdown_body?: string | null
}

/** A draft to be created. */
export interface NewDraft {
  id: string
  title: string
  type: string
  status?: string
  workflow_state?: string
  markdown_body?: string
  /** JSON text. */
  metadata?: string | null
  author: string
  created_by: string
}

/** The core's drafts. */
export interface DatabaseService {
  getDraft(id: string): Promise<DraftRow | null | undefined>
  createDraft(draft: NewDraft): Promise<unknown>
  /** Writes every field that is not `undefined`, an empty text included. */
  updateDraft(id: string, fields: { markdown_body?: string }): Promise<unknown>
}

/** The part of the core's configuration that matters here. */
export interface CivicPressConfig {
  /** Where the records lie. */
  dataDir: string
  /**
   * The folder of `realtime.yml` and `realtime.db`.
   *
   * @default `.system-data` beside `dataDir`
   */
  systemDataDir?: string
}

/** The core's service container. */
export interface ServiceContainer {
  singleton<T>(key: string, factory: (container: ServiceContainer) => T): void
  /** Throws if nothing is registered under the key. */
  resolve<T>(key: string): T
}
