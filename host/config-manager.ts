/** Reads `realtime.yml`. The engine has the only validator; this class finds the file and reports. */

import { access } from 'node:fs/promises'
import path from 'node:path'

import type { CheckedConfig, RealtimeConfig } from './config.js'
import type { Logger } from './core.js'
import { callEngine } from './errors.js'
import { log } from './event-sink.js'
import { RealtimeModule } from './native.js'
import { CONFIG_FILE } from './system-data.js'

/** The configuration of one system data folder. */
export class RealtimeConfigManager {
  /** The system data folder. */
  readonly basePath: string
  /** The file that is read. */
  readonly configPath: string
  /** The host's feature flags, which go over the file; null if there are none to look for. */
  readonly featuresPath: string | null
  readonly #logger: Logger | undefined

  /**
   * @param basePath - the system data folder
   * @param logger - gets the warnings of {@link loadConfig}; without one they go to `process.emitWarning`
   * @param featuresPath - the host's `features.yml`, which may be missing
   */
  constructor(basePath = '.system-data', logger?: Logger, featuresPath?: string) {
    this.basePath = path.resolve(basePath)
    this.configPath = path.join(this.basePath, CONFIG_FILE)
    this.featuresPath = featuresPath === undefined ? null : path.resolve(featuresPath)
    this.#logger = logger
  }

  /**
   * Reads the file, completed with defaults, and the feature flags over it. A file that is not there means the
   * defaults, with a warning.
   *
   * @throws RealtimeError with code `CONFIG_INVALID` and `context` `{file, line, key, found, allowed}`
   */
  async loadConfig(): Promise<RealtimeConfig> {
    const there = await access(this.configPath).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    )
    if (!there) this.#warn(`${this.configPath} is not there: the defaults are used`)
    const { config, warnings } = this.#read(there ? this.configPath : null)
    for (const warning of warnings) this.#warn(warning)
    return config
  }

  /** Every key with its default. */
  getDefaultConfig(): RealtimeConfig {
    return RealtimeModule.defaultConfig() as RealtimeConfig
  }

  /**
   * Checks a configuration; keys that are left out get their defaults.
   *
   * @throws RealtimeError with code `CONFIG_INVALID` and `context` `{key, found, allowed}`
   */
  validateConfig(config: object): CheckedConfig {
    return callEngine(() => RealtimeModule.validateConfig(config)) as CheckedConfig
  }

  #read(file: string | null): CheckedConfig {
    return callEngine(() => RealtimeModule.readConfig(file, this.featuresPath)) as CheckedConfig
  }

  #warn(message: string): void {
    if (!this.#logger) {
      process.emitWarning(message, { type: 'RealtimeConfigWarning' })
      return
    }
    log(this.#logger, 'warn', message, { operation: 'realtime:config', file: this.configPath })
  }
}
