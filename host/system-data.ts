/** Where this module's configuration and database lie. */

import path from 'node:path'

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

/** The core's feature flags, in its data folder. */
export function featuresFile(config: CivicPressConfig): string {
  return path.join(path.resolve(config.dataDir), '.civic', 'features.yml')
}
