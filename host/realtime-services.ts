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
import { RealtimeServer } from './realtime-server.js'
import type { RoomManager } from './room-manager.js'
import type { RealtimeServerDeps } from './server-types.js'
import { featuresFile, systemDataDir } from './system-data.js'

/** Makes a server; {@link RealtimeServer.initialize} starts it. */
export function createRealtimeServer(deps: RealtimeServerDeps, config: CivicPressConfig): RealtimeServer {
  return new RealtimeServer(deps, configManager(config, deps.logger))
}

/**
 * Registers the singletons `realtimeConfigManager`, `realtimeServer` and `realtimeRoomManager`. Resolving them starts
 * nothing.
 *
 * @param container - has `logger`, `hooks`, `auth`, `recordManager`, and perhaps `database`, by the time
 *   the server is resolved
 * @param options.codec - for an editor whose schema is not the built-in one
 */
export function registerRealtimeServices(
  container: ServiceContainer,
  config: CivicPressConfig,
  { codec }: Pick<RealtimeServerDeps, 'codec'> = {},
): void {
  container.singleton(
    'realtimeConfigManager',
    (services) => configManager(config, optional<Logger>(services, 'logger')),
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
        ...(codec ? { codec } : {}),
      },
      services.resolve<RealtimeConfigManager>('realtimeConfigManager'),
    )
  })
  container.singleton('realtimeRoomManager', (services): RoomManager =>
    services.resolve<RealtimeServer>('realtimeServer').getRoomManager(),
  )
}

function configManager(config: CivicPressConfig, logger: Logger | undefined): RealtimeConfigManager {
  return new RealtimeConfigManager(systemDataDir(config), logger, featuresFile(config))
}

/** A service that the host may be without. */
function optional<T>(container: ServiceContainer, key: string): T | undefined {
  try {
    return container.resolve<T>(key)
  } catch {
    return undefined
  }
}
