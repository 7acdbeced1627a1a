/** How the host gets the module's services: from its container, or made from services in hand. */

import { RealtimeConfigManager } from './config-manager.js'
import type {
  AuthService,
  CivicPressConfig,
  DatabaseService,
  HookSystem,
  Logger,
  RecordManager,
  ServiceContainer,
} from './core.js'
import { RealtimeServer, type RealtimeServerDeps } from './realtime-server.js'
import { systemDataDir } from './system-data.js'

/** Makes a server; {@link RealtimeServer.initialize} starts it. */
export function createRealtimeServer(deps: RealtimeServerDeps, config: CivicPressConfig): RealtimeServer {
  return new RealtimeServer(deps, new RealtimeConfigManager(systemDataDir(config), deps.logger))
}

/**
 * Registers the singletons `realtimeConfigManager` and `realtimeServer`. Resolving them starts nothing.
 *
 * @param container - has `logger`, `hooks`, `auth`, `recordManager`, and perhaps `database`, by the time
 *   the server is resolved
 */
export function registerRealtimeServices(container: ServiceContainer, config: CivicPressConfig): void {
  container.singleton(
    'realtimeConfigManager',
    (services) => new RealtimeConfigManager(systemDataDir(config), optional<Logger>(services, 'logger')),
  )
  container.singleton('realtimeServer', (services) => {
    const databaseService = optional<DatabaseService>(services, 'database')
    return new RealtimeServer(
      {
        logger: services.resolve<Logger>('logger'),
        hookSystem: services.resolve<HookSystem>('hooks'),
        authService: services.resolve<AuthService>('auth'),
        recordManager: services.resolve<RecordManager>('recordManager'),
        ...(databaseService ? { databaseService } : {}),
      },
      services.resolve<RealtimeConfigManager>('realtimeConfigManager'),
    )
  })
}

/** A service that the host may be without. */
function optional<T>(container: ServiceContainer, key: string): T | undefined {
  try {
    return container.resolve<T>(key)
  } catch {
    return undefined
  }
}
