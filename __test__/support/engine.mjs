/** The engine itself, with a host of the test's own that records what it is asked and told. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import native from '../../index.js'
import { Journal } from './journal.mjs'

export const { RealtimeModule } = native

/** A promise that nothing comes of. It is held here: one that nobody holds is collected, and then fails. */
export const never = new Promise(() => {})

const endings = new WeakMap()

/** Runs something when the test ends; the last registered first, so that clients leave before their server. */
export function atEnd(t, action) {
  if (!endings.has(t)) {
    endings.set(t, [])
    t.after(async () => {
      for (const ending of endings.get(t).reverse()) await ending()
    })
  }
  endings.get(t).push(action)
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t) {
  const folder = await mkdtemp(path.join(tmpdir(), 'realtime-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * An application around the engine. Tokens are `token-<name>`; whoever is called `viewer...` may not edit.
 * A test replaces `authorize`, `load` or `save` to make it behave otherwise.
 */
export class TestHost {
  /** What records start from, by local id; any other record exists and has the text `text`. */
  texts = new Map()
  text = 'Noise at night.'
  /** Requests to authorize. */
  asked = new Journal('requests to authorize')
  /** Local ids that were loaded. */
  loads = new Journal('loads')
  /** `{id, markdown}` of every call of `save`. */
  saves = new Journal('saves')
  /** `{name, data}` of every hook. */
  hooks = new Journal('hooks')
  /** `{level, message, data}` of every log line. */
  logs = new Journal('log lines')

  authorize({ token }) {
    const name = /^token-(\w+)$/.exec(token)?.[1]
    if (!name) return { denied: 'AUTH_FAILED', reason: 'unknown_token' }
    return { user: { id: name, name }, canEdit: !name.startsWith('viewer') }
  }

  load({ localId }) {
    return { markdown: this.texts.get(localId) ?? this.text }
  }

  save({ localId }, markdown) {
    this.texts.set(localId, markdown)
  }

  /** The payload of the first hook of a name, of the past or the future. */
  async hook(name, matches = () => true) {
    const event = await this.hooks.first((hook) => hook.name === name && matches(hook.data), name)
    return event.data
  }

  /** The payloads of a hook so far. */
  told(name) {
    return this.hooks.all((hook) => hook.name === name).map((hook) => hook.data)
  }

  /** The callbacks for the module. */
  callbacks() {
    return {
      authorize: (request) => {
        this.asked.add(request)
        return this.authorize(request)
      },
      load: (room) => {
        this.loads.add(room.localId)
        return this.load(room)
      },
      save: (room, markdown) => {
        this.saves.add({ id: room.localId, markdown })
        return this.save(room, markdown)
      },
      hook: (name, data) => this.hooks.add({ name, data }),
      log: (level, message, data) => this.logs.add({ level, message, data }),
      logLevel: 'debug',
    }
  }
}

/** A configuration for tests: any free port, and files in the test's folder. */
export function testConfig(folder, config = {}) {
  const storage = { file: path.join(folder, 'realtime.db'), ...config.storage }
  return { port: 0, host: '127.0.0.1', ...config, storage }
}

/**
 * Starts an engine that is shut down when the test ends.
 *
 * @param options.config sections of the configuration
 * @param options.folder where its data are; a folder of its own if none is given
 */
export async function startEngine(t, { config, host = new TestHost(), folder } = {}) {
  folder ??= await temporaryFolder(t)
  const module = new RealtimeModule(testConfig(folder, config), host.callbacks())
  const { port } = await module.start()
  atEnd(t, () => module.shutdown())
  return { module, host, folder, port, url: `ws://127.0.0.1:${port}/realtime` }
}
