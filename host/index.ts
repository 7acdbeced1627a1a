/**
 * Realtime collaboration for CivicPress.
 *
 * A CivicPress host uses `registerRealtimeServices` or `createRealtimeServer`; any other host can use
 * `RealtimeModule`, the native engine, with callbacks of its own.
 *
 * @packageDocumentation
 */

export type { CheckedConfig, RealtimeConfig } from './config.js'
export { RealtimeConfigManager } from './config-manager.js'
export {
  MAX_SNAPSHOT_BYTES,
  MAX_SNAPSHOT_VERSIONS_PER_ROOM,
  SESSION_REVOKED_HOOK,
  SNAPSHOT_FORMAT_V1,
  SNAPSHOT_TTL_MS,
} from './constants.js'
export type {
  AuthService,
  AuthUser,
  CivicPressConfig,
  CoreRecord,
  DatabaseService,
  DraftRow,
  HookHandler,
  HookSystem,
  Logger,
  NewDraft,
  RecordManager,
  ServiceContainer,
} from './core.js'
export {
  AuthenticationFailedError,
  ConnectionLimitExceededError,
  type ErrorContext,
  InvalidYjsUpdateError,
  PermissionDeniedError,
  RealtimeError,
  type RealtimeErrorOptions,
  RoomNotFoundError,
} from './errors.js'
export {
  type AckMessage,
  ControlEvent,
  type ControlMessage,
  type ErrorMessage,
  MessageType,
  type NoticeMessage,
  type Participant,
  type PermissionChangedMessage,
  type PingMessage,
  type PongMessage,
  PresenceEvent,
  type PresenceMessage,
  type RealtimeMessage,
  type RoomStateMessage,
  type SavedMessage,
  type SessionRevokedMessage,
  type SyncMessage,
} from './messages.js'
export {
  type Authorization,
  type AuthorizeRequest,
  type HostCallbacks,
  type LoadedRecord,
  RealtimeModule,
} from './native.js'
export {
  type ConfigSource,
  type RealtimeHealthStatus,
  RealtimeServer,
  type RealtimeServerDeps,
  type SnapshotResult,
} from './realtime-server.js'
export { createRealtimeServer, registerRealtimeServices } from './realtime-services.js'
export type { SessionsRevoked } from './session-revocation.js'
