/** Compiled, never run: what a CivicPress host written in TypeScript does with the package. */

import {
  type AuthUser,
  ControlEvent,
  createRealtimeServer,
  MAX_SNAPSHOT_BYTES,
  MessageType,
  RealtimeConfigManager,
  RealtimeError,
  type RealtimeHealthStatus,
  type RealtimeMessage,
  RealtimeModule,
  RealtimeServer,
  RoomNotFoundError,
  SESSION_REVOKED_HOOK,
  type SnapshotResult,
} from '@civicpress/realtime'
import { registerRealtimeServices } from '@civicpress/realtime/realtime-services'

/** As the core's own container has it: narrower in what it returns, wider in what it takes. */
class ServiceContainer {
  readonly #factories = new Map<string, (container: ServiceContainer) => unknown>()
  singleton<T>(key: string, factory: (container: ServiceContainer) => T): void {
    this.#factories.set(key, factory)
  }
  resolve<T>(key: string): T {
    return this.#factories.get(key)?.(this) as T
  }
}

/** Core's classes have more methods and narrower types than are asked for. */
class Logger {
  error(message: string, ...data: unknown[]): void {}
  warn(message: string, ...data: unknown[]): void {}
  info(message: string, ...data: unknown[]): void {}
  debug(message: string, ...data: unknown[]): void {}
  isVerbose(): boolean {
    return false
  }
}

interface CoreUser extends AuthUser {
  id: number
}

class AuthService {
  async validateSession(token: string): Promise<CoreUser | null> {
    return token ? { id: 1, username: 'ann', role: 'clerk' } : null
  }
  async userCan(user: CoreUser, permission: string, context?: { recordType?: string; action?: string }) {
    return user.id > 0 && permission.length > 0 && context !== undefined
  }
}

class HookSystem {
  async emit(name: string, data: any, context?: any): Promise<void> {}
  registerHook(name: string, handler: (data: any, context: any) => Promise<void> | void): void {}
  removeHook(name: string, handler: (data: any, context: any) => Promise<void> | void): void {}
}

class RecordManager {
  async getRecord(id: string) {
    return { id, title: 't', type: 'bylaw', status: 'draft', content: '# t', metadata: { tags: ['a'] } }
  }
}

class DatabaseService {
  async getDraft(id: string): Promise<any> {
    return null
  }
  async createDraft(draft: { id: string; title: string; type: string; author: string; created_by: string }) {}
  async updateDraft(id: string, fields: { title?: string; markdown_body?: string }) {}
  async query(sql: string, params: unknown[]): Promise<unknown[]> {
    return []
  }
}

const server: RealtimeServer = createRealtimeServer(
  {
    logger: new Logger(),
    hookSystem: new HookSystem(),
    authService: new AuthService(),
    recordManager: new RecordManager(),
    databaseService: new DatabaseService(),
  },
  { dataDir: '/srv/civic/data' },
)
await server.initialize()
const health: RealtimeHealthStatus = server.getHealthStatus()
const port: number | null = health.server.port
const snapshot: SnapshotResult = await server.triggerRecordSnapshot('bylaw-1')
const closed: number = server.revokeUserConnections(7, 'logout')
await server.shutdown()

const container = new ServiceContainer()
registerRealtimeServices(container, { dataDir: 'data', systemDataDir: '/srv/civic/.system-data' })
const { config, warnings } = container.resolve<RealtimeConfigManager>('realtimeConfigManager').validateConfig({})
const rooms: number = config.rooms.max_rooms
const first: string | undefined = warnings[0]

const error = new RoomNotFoundError('records:x', { recordId: 'x' })
const status: number = error.statusCode
const answer: { code: string; correlationId: string } = error.toJSON()
const cause: unknown = new RealtimeError('m', {}, { cause: error }).cause

function read(message: RealtimeMessage): string {
  if (message.type !== MessageType.CONTROL) return message.type
  return message.event === ControlEvent.NOTICE ? message.notice.message : message.event
}

const module = new RealtimeModule('/srv/realtime.yml', {
  authorize: async ({ token }) =>
    token ? { user: { id: 'u1', name: 'Ann' }, canEdit: true } : { denied: 'AUTH_FAILED', reason: 'no_token' },
  load: async ({ localId }) => ({ markdown: `# ${localId}` }),
})
const address = await module.start()
const update: Uint8Array = await RealtimeModule.markdownToUpdate('# t')

export {
  address,
  answer,
  cause,
  closed,
  first,
  MAX_SNAPSHOT_BYTES,
  port,
  read,
  rooms,
  SESSION_REVOKED_HOOK,
  snapshot,
  status,
  update,
}
