/**
 * The error classes of CivicPress core that ours extend. Core is an optional peer, so there is a
 * stand-in for each with the same members; once core is found, ours extend its classes instead.
 *
 * Core is looked for when the first error is made, not when this file is loaded: a host that is an
 * ES module loads us while core may still be half loaded.
 */

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { correlationId } from './correlation-id.js'

const CORE = '@civicpress/core'

/** Facts about an error, for logs and for the host. */
export type ErrorContext = Record<string, unknown>

/** Stands in for core's abstract base class. */
export abstract class CivicPressError extends Error {
  /** What callers match on. */
  abstract code: string
  /** The HTTP status that fits it. */
  abstract statusCode: number
  /** Facts about the case. */
  context?: ErrorContext
  /** Ties log lines and answers about one failure together. */
  readonly correlationId: string = correlationId()

  constructor(message: string, context?: ErrorContext) {
    super(message)
    this.name = new.target.name
    if (context !== undefined) this.context = context
  }

  /** The error as it is sent in answers. */
  toJSON(): {
    name: string
    code: string
    message: string
    statusCode: number
    context?: ErrorContext
    correlationId: string
  } {
    const { name, code, message, statusCode, context } = this
    return {
      name,
      code,
      message,
      statusCode,
      ...(context ? { context } : {}),
      correlationId: this.correlationId,
    }
  }

  /** The error as core's output functions want it. */
  getOutputDetails(): { message: string; code: string; details: unknown; context: ErrorContext } {
    return {
      message: this.message,
      code: this.code,
      details: this.context?.['details'] ?? this.context,
      context: {
        ...this.context,
        correlationId: this.correlationId,
        errorType: this.name,
        statusCode: this.statusCode,
      },
    }
  }
}

/** Stands in for core's class: what was handed in is wrong. */
export class ValidationError extends CivicPressError {
  code = 'VALIDATION_ERROR'
  statusCode = 400

  constructor(message: string, details?: unknown) {
    super(message, { details })
  }
}

/** Stands in for core's class: there is no such thing. */
export class NotFoundError extends CivicPressError {
  code = 'NOT_FOUND'
  statusCode = 404

  constructor(message: string, resourceId?: string) {
    super(message, resourceId ? { resourceId } : undefined)
  }
}

/** Stands in for core's class: not logged in, or not allowed. */
export class UnauthorizedError extends CivicPressError {
  code = 'UNAUTHORIZED'
  statusCode = 401

  constructor(message = 'Authentication required') {
    super(message)
  }
}

const STAND_INS = { CivicPressError, ValidationError, NotFoundError, UnauthorizedError }

type ErrorClass = abstract new (...args: never[]) => Error
type CoreErrors = Record<keyof typeof STAND_INS, ErrorClass>

/** Our classes, each with the core class that it is to extend. */
const heirs: Array<[ErrorClass, keyof CoreErrors]> = []

/** `unknown` until it is settled whether the host has core; `import` if only `import()` can load it. */
let search: 'unknown' | 'import' | 'done' = 'unknown'

/** Remembers a class of ours that extends the stand-in of this name. */
export function extendsCore(heir: ErrorClass, base: keyof CoreErrors): void {
  heirs.push([heir, base])
}

/** Makes our classes extend core's own, if the host has core. Cheap once settled; never fails. */
export function adoptCoreErrors(): void {
  if (search !== 'unknown') return
  const file = resolveCore()
  if (file === null) {
    search = 'done'
    return
  }
  try {
    adopt(require(file))
    search = 'done'
  } catch (error) {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
    // Half loaded: the next error finds it whole.
    if (code === 'ERR_REQUIRE_CYCLE_MODULE' || code === 'ERR_REQUIRE_ESM_RACE_CONDITION') return
    search = code === 'ERR_REQUIRE_ESM' || code === 'ERR_REQUIRE_ASYNC_MODULE' ? 'import' : 'done'
  }
}

/** The same for a Node.js that cannot `require` an ES module. Never rejects. */
export async function importCoreErrors(): Promise<void> {
  adoptCoreErrors()
  if (search !== 'import') return
  const file = resolveCore()
  try {
    if (file !== null) adopt(await import(pathToFileURL(file).href))
  } catch {
    // The host's core does not load; the host has said so itself by now.
  }
  search = 'done'
}

/** Core's main file as seen from here, from the program's main file, or from the working directory. */
function resolveCore(): string | null {
  const main = process.argv[1]
  const places = [__filename, ...(main ? [path.resolve(main)] : []), path.join(process.cwd(), 'index.js')]
  for (const place of places) {
    try {
      return createRequire(place).resolve(CORE)
    } catch {
      // Not installed there.
    }
  }
  return null
}

function adopt(core: Partial<Record<string, unknown>>): void {
  for (const [heir, name] of heirs) {
    const base = core[name]
    if (typeof base !== 'function') continue
    // `super(...)` calls whatever the class's prototype is at that moment.
    Object.setPrototypeOf(heir, base)
    Object.setPrototypeOf(heir.prototype, base.prototype as object)
  }
}
