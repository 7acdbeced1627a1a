/**
 * Stands in for CivicPress core: the services that it hands to the module, with exactly the methods it
 * really has, over plain maps. Every call is recorded in `calls`; `fail` makes one throw.
 */

import { rmSync } from 'node:fs'
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Something that records its calls and can be made to fail. */
class Service {
  /** `[method, ...arguments]` of every call, oldest first. */
  calls = []
  #faults = new Map()

  /** Makes a method throw until `heal`. */
  fail(method, error = new Error(`${method} is broken`)) {
    this.#faults.set(method, error)
  }

  heal(method) {
    this.#faults.delete(method)
  }

  /** How often a method was called. */
  count(method) {
    return this.calls.filter(([name]) => name === method).length
  }

  record(method, ...args) {
    this.calls.push([method, ...args])
    const fault = this.#faults.get(method)
    if (fault) throw fault
  }
}

export class Logger extends Service {
  error(message, data) {
    this.record('error', message, data)
  }
  warn(message, data) {
    this.record('warn', message, data)
  }
  info(message, data) {
    this.record('info', message, data)
  }
  debug(message, data) {
    this.record('debug', message, data)
  }

  /** The messages of one level. */
  messages(level) {
    return this.calls.filter(([name]) => name === level).map(([, message]) => message)
  }
}

/** Waits for its handlers one after the other, as the core's does. */
export class HookSystem extends Service {
  handlers = new Map()

  async emit(name, data, context) {
    this.record('emit', name, data, context)
    for (const handler of this.handlers.get(name) ?? []) await handler(data, context)
  }

  registerHook(name, handler) {
    this.record('registerHook', name, handler)
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler])
  }

  removeHook(name, handler) {
    this.record('removeHook', name, handler)
    this.handlers.set(name, (this.handlers.get(name) ?? []).filter((other) => other !== handler))
  }

  /** The payloads emitted under a name. */
  emitted(name) {
    return this.calls.filter(([method, hook]) => method === 'emit' && hook === name).map(([, , data]) => data)
  }
}

/** Sessions by token; what each role may do. */
export class AuthService extends Service {
  sessions = new Map([
    ['token-ann', { id: 1, username: 'ann', role: 'clerk', name: 'Ann' }],
    ['token-ben', { id: 2, username: 'ben', role: 'clerk' }],
    ['token-vic', { id: 3, username: 'vic', role: 'viewer', name: 'Vic' }],
    ['token-out', { id: 4, username: 'out', role: 'outsider' }],
  ])
  permissions = { clerk: ['records:view', 'records:edit'], viewer: ['records:view'], outsider: [] }

  async validateSession(token) {
    this.record('validateSession', token)
    return this.sessions.get(token) ?? null
  }

  async userCan(user, permission, context) {
    this.record('userCan', user, permission, context)
    return this.permissions[user.role].includes(permission)
  }
}

/** Published records by id. */
export class RecordManager extends Service {
  records = new Map()

  add(record) {
    this.records.set(record.id, { title: `Title of ${record.id}`, type: 'bylaw', status: 'published', ...record })
  }

  async getRecord(id) {
    this.record('getRecord', id)
    return this.records.get(id) ?? null
  }
}

/** Drafts by id. */
export class DatabaseService extends Service {
  drafts = new Map()

  async getDraft(id) {
    this.record('getDraft', id)
    return this.drafts.get(id) ?? null
  }

  async createDraft(draft) {
    this.record('createDraft', draft)
    if (this.drafts.has(draft.id)) throw new Error('UNIQUE constraint failed: record_drafts.id')
    this.drafts.set(draft.id, { ...draft })
  }

  async updateDraft(id, fields) {
    this.record('updateDraft', id, fields)
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) this.drafts.get(id)[key] = value
    }
  }

  async query(sql, params) {
    this.record('query', sql, params)
    return []
  }
}

export class ServiceContainer {
  #factories = new Map()
  #instances = new Map()

  singleton(key, factory) {
    this.#factories.set(key, factory)
  }

  registerInstance(key, instance) {
    this.#instances.set(key, instance)
  }

  resolve(key) {
    if (!this.#instances.has(key)) {
      const factory = this.#factories.get(key)
      if (!factory) throw new Error(`Service '${key}' is not registered`)
      this.#instances.set(key, factory(this))
    }
    return this.#instances.get(key)
  }
}

/** The services under the names that `createRealtimeServer` takes. */
export function createCore() {
  return {
    logger: new Logger(),
    hookSystem: new HookSystem(),
    authService: new AuthService(),
    recordManager: new RecordManager(),
    databaseService: new DatabaseService(),
  }
}

/** The services in a container, under the core's keys. */
export function createContainer(core) {
  const container = new ServiceContainer()
  container.registerInstance('logger', core.logger)
  container.registerInstance('hooks', core.hookSystem)
  container.registerInstance('auth', core.authService)
  container.registerInstance('recordManager', core.recordManager)
  if (core.databaseService) container.registerInstance('database', core.databaseService)
  return container
}

const homes = []

process.on('exit', () => {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

/**
 * A data folder and the system data folder beside it, gone when the process is: a server that is still shutting down
 * needs them.
 *
 * @param {import('node:test').TestContext} _t
 * @param {string | null} yaml the text of `realtime.yml`; null leaves it out
 */
export async function createDataDir(_t, yaml = 'realtime:\n  host: 127.0.0.1\n  port: 0\n') {
  const home = await mkdtemp(path.join(tmpdir(), 'realtime-host-'))
  homes.push(home)
  const systemDataDir = path.join(home, '.system-data')
  await mkdir(path.join(home, 'data'))
  await mkdir(systemDataDir)
  const configFile = path.join(systemDataDir, 'realtime.yml')
  if (yaml !== null) await writeFile(configFile, yaml)
  return { home, dataDir: path.join(home, 'data'), systemDataDir, configFile }
}
