/**
 * Realtime collaboration for CivicPress.
 *
 * A CivicPress host uses `registerRealtimeServices` or `createRealtimeServer`; any other host can use
 * `RealtimeModule`, the native engine, with callbacks of its own.
 *
 * @packageDocumentation
 */

export type { ApiOptions } from './api-client.js'
export { type ApiHost, type CollabSnapshot, createApiHost } from './api-host.js'
export type { CheckedConfig, RealtimeConfig } from './config.js'
export { RealtimeConfigManager } from './config-manager.js'
export { RealtimeConnection } from './connection.js'
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
  createHandlerRegistry,
  DefaultHandlerRegistry,
  type HandlerRegistry,
  type HandlerRegistryOptions,
} from './handler-registry.js'
export {
  type AckMessage,
  ControlEvent,
  type ControlMessage,
  type ErrorMessage,
  MessageType,
  type NoticeLevel,
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
  type ClientPermissions,
  type ConnectAnswer,
  type Connection,
  type ConnectRequest,
  type DocumentCodec,
  type HostCallbacks,
  type LoadedRecord,
  RealtimeModule,
  type RoomSummary,
  type RoomTypeCallbacks,
} from './native.js'
export { RealtimeServer } from './realtime-server.js'
export { createRealtimeServer, registerRealtimeServices } from './realtime-services.js'
export { RecordRoom } from './record-room.js'
export type {
  ClientConnection,
  ClientData,
  Room,
  // The name under which handlers knew the room that they are given.
  Room as RoomReference,
  RoomConfig,
  RoomFactory,
  RoomState,
} from './room.js'
export { RoomManager, type RoomManagerServer } from './room-manager.js'
export type {
  AuthResult,
  ConnectionContext,
  DeviceAuth,
  DisconnectContext,
  MessageContext,
  RoomTypeHandler,
  UserAuth,
} from './room-type-handler.js'
export type { ConfigSource, RealtimeHealthStatus, RealtimeServerDeps, SnapshotResult } from './server-types.js'
export type { SessionsRevoked } from './session-revocation.js'
export { FilesystemSnapshotStorage } from './snapshot-files.js'
export { SnapshotHookBus, type SnapshotHookEvents } from './snapshot-hook-bus.js'
export { type CleanupOptions, type PersistRequest, SnapshotManager } from './snapshot-manager.js'
export { DatabaseSnapshotStorage, type Snapshot, type SnapshotRow, type SnapshotStorage } from './snapshot-storage.js'
