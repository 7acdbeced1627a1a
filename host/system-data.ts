/** Where this module's configuration and database lie. */

import path from 'node:path'

import type { RealtimeConfig } from './config.js'
import type { CivicPressConfig } from './core.js'

/** The configuration's file name inside the system data folder. */
export const CONFIG_FILE = 'realtime.yml'

/** The database's file name inside the system data folder, unless the configuration has another. */
const DATABASE_FILE = 'realtime.db'

/**
 * The folder of `realtime.yml` and `realtime.db`: `systemDataDir` if the core set one, else
 * `.system-data` beside the data folder.
 */
export function systemDataDir(config: CivicPressConfig): string {
  if (config.systemDataDir) return path.resolve(config.systemDataDir)
  return path.join(path.dirname(path.resolve(config.dataDir)), '.system-data')
}

/** The configuration with the database's file spelled out: a relative one lies in `basePath`. */
export function withStorageFile(config: RealtimeConfig, basePath: string): RealtimeConfig {
  const file = path.resolve(basePath, config.storage?.file ?? DATABASE_FILE)
  return { ...config, storage: { ...config.storage, file } }
}
