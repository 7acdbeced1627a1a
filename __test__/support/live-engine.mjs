/** A running `RealtimeModule` over a host made of plain maps, for tests that need no CivicPress around it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { RealtimeModule } from '@civicpress/realtime'

/** Longer than anything takes that works; for tests that fail. */
export const WAIT_MS = 10_000

/** Something that happens, one after the other, and can be waited for. */
export class Happenings {
  all = []
  #waiting = new Set()

  push(item) {
    this.all.push(item)
    for (const look of [...this.#waiting]) look()
  }

  /** The first that matches, also one that has happened already. */
  first(matches, what = String(matches)) {
    return this.#wait(() => this.all.find(matches), what)
  }

  /** Waits until that many match, and gives them. */
  async count(number, matches, what = String(matches)) {
    const found = () => this.all.filter(matches)
    await this.#wait(() => found().length >= number, `${number} of ${what}`)
    return found()
  }

  #wait(find, what) {
    const there = find()
    if (there) return Promise.resolve(there)
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        this.#waiting.delete(look)
        clearTimeout(timer)
        settle(value)
      }
      const look = () => {
        const there = find()
        if (there) end(resolve, there)
      }
      const timer = setTimeout(
        () => end(reject, new Error(`did not happen: ${what}; what did: ${JSON.stringify(this.all.slice(-20))}`)),
        WAIT_MS,
      )
      this.#waiting.add(look)
    })
  }
}

/**
 * Starts an engine; shut down, and its files gone, when the test is over.
 *
 * Users are by token, in `users`, and may be changed at any time: `{id, name?, role?, canEdit?}`, or
 * `{denied}`; a token that is not in it is not a session. Every record exists and is empty unless it is in
 * `records`, by id.
 *
 * @param {import('node:test').TestContext} t
 * @param {{config?: object, logLevel?: string, callbacks?: object, start?: boolean}} [options] `config` is laid
 *   over one that listens on any port
 */
export async function startEngine(t, { config = {}, logLevel = 'info', callbacks = {}, start = true } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'realtime-engine-'))
  const users = new Map([
    ['token-ann', { id: 1, name: 'Ann', role: 'clerk', canEdit: true }],
    ['token-ben', { id: 2, name: 'Ben', role: 'clerk', canEdit: true }],
    ['token-vic', { id: 3, name: 'Vic', role: 'viewer', canEdit: false }],
  ])
  const records = new Map()
  const drafts = new Map()
  const hooks = new Happenings()
  const logs = new Happenings()
  const asked = new Happenings()
  const host = {
    async authorize(request) {
      asked.push(request)
      const user = users.get(request.token)
      if (!user) return { denied: 'AUTH_FAILED', reason: 'unknown_session' }
      if (user.denied) return user
      const { canEdit, ...rest } = user
      return { user: rest, canEdit }
    },
    load: ({ localId }) => ({ markdown: records.get(localId) ?? '' }),
    save: ({ localId }, markdown) => void drafts.set(localId, markdown),
    hook: (name, data) => hooks.push({ name, data }),
    log: (level, message, data) => logs.push({ level, message, data }),
    logLevel,
    ...callbacks,
  }
  const engine = new RealtimeModule({ host: '127.0.0.1', port: 0, ...config }, host, folder)
  t.after(async () => {
    await engine.shutdown()
    await rm(folder, { recursive: true, force: true })
  })
  const live = { engine, users, records, drafts, hooks, logs, asked, folder, url: undefined }
  if (start) await listen(live)
  return live
}

/** Starts an engine that was made with `start: false`. */
export async function listen(live) {
  const address = await live.engine.start()
  live.url = `ws://${address.host}:${address.port}/realtime`
  return live
}

/** Waits for a hook of this name whose payload has these fields. */
export function hook(live, name, fields = {}) {
  return live.hooks
    .first(
      (hook) => hook.name === name && Object.entries(fields).every(([key, value]) => hook.data[key] === value),
      `hook ${name} ${JSON.stringify(fields)}`,
    )
    .then(({ data }) => data)
}
