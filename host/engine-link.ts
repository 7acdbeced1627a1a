/** The engine of the moment: there is one while the server runs, and none before and after. */

import { fromEngine, RealtimeError } from './errors.js'
import type { RealtimeModule } from './native.js'

/** Where the parts of the server find the engine. */
export class EngineLink {
  #module: RealtimeModule | undefined

  /** From now on this is the engine. */
  attach(module: RealtimeModule): void {
    this.#module = module
  }

  /** From now on there is none. */
  detach(): void {
    this.#module = undefined
  }

  /** The engine, if there is one. */
  get module(): RealtimeModule | undefined {
    return this.#module
  }

  /** Calls the engine; what holds when it does not run is the answer if it does not. */
  call<T>(use: (module: RealtimeModule) => T, otherwise: T): T {
    if (!this.#module) return otherwise
    try {
      return use(this.#module)
    } catch (error) {
      if (isNotRunning(error)) return otherwise
      throw fromEngine(error)
    }
  }

  /** The same for a call that returns a promise. */
  async ask<T>(use: (module: RealtimeModule) => Promise<T>, otherwise: T): Promise<T> {
    if (!this.#module) return otherwise
    try {
      return await use(this.#module)
    } catch (error) {
      if (isNotRunning(error)) return otherwise
      throw fromEngine(error)
    }
  }

  /** For calls that mean something only to an engine that runs: rejects with `NOT_RUNNING` else. */
  async need<T>(use: (module: RealtimeModule) => Promise<T>): Promise<T> {
    if (!this.#module) {
      const message = 'the realtime server is not running: it was not initialized, is disabled, or was shut down'
      throw new RealtimeError(message, undefined, { code: 'NOT_RUNNING', statusCode: 503 })
    }
    try {
      return await use(this.#module)
    } catch (error) {
      throw fromEngine(error)
    }
  }
}

function isNotRunning(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'NOT_RUNNING'
}
