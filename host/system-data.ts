/** Where this module's configuration and database lie. */

import path from 'node:path'

import type { RealtimeConfig } from './config.js'
import type { CivicPressConfig } from './core.js'

/** The configuration's file name inside the system data folder. */
export const CONFIG_FILE = 'realtime.yml'

/**
 * The folder of `realtime.yml` and `realtime.db`: `systemDataDir` if the core set one, else
 * `.system-data` beside the data folder.
 */
export function systemDataDir(config: CivicPressConfig): string {
  if (config.systemDataDir) return path.resolve(config.systemDataDir)
  return path.join(path.dirname(path.resolve(config.dataDir)), '.system-data')
}

/** The configuration with the database's folder spelled out: `basePath`, unless `storage.dir` is set. */
export function withStorageDir(config: RealtimeConfig, basePath: string): RealtimeConfig {
  const dir = path.resolve(basePath, config.storage?.dir ?? '')
  return { ...config, storage: { ...config.storage, dir } }
}
