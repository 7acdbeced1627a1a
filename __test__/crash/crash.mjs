/**
 * Kills the engine again and again while people type, at moments chosen at random, and looks at what is left:
 * on the disk, without the engine, and in the next engine that is started on it.
 */

import { setTimeout as pause } from 'node:timers/promises'

import { limitFiles } from '../support/full-disk.mjs'
import { temporaryFolder } from '../support/engine.mjs'
import { paragraphsOf } from '../support/editor.mjs'
import { Ledger } from './ledger.mjs'
import { readStored } from './stored.mjs'
import { startVictim } from './victim.mjs'
import { Returning, Writer } from './writers.mjs'

/** Kills of the same store, before a new one is begun. */
const KILLS_PER_STORE = 25

/** The longest wait for a moment to come that a kill is meant for, in ms. */
const MOMENT_MS_MAX = 500

/** How large files may become when the disk is to take nothing, in bytes. */
const FILE_BYTES_MAX = [4_096, 65_536, 1_048_576]

const ROOMS = ['a', 'b', 'c']

/** Where snapshots go; `changing` is another one at each start, as far as chance has it. */
const STORAGES = ['database', 'filesystem', 'changing']

/** When the engine is killed: each waits for its moment. */
const moments = {
  typing: ({ random }) => pause(random.below(150)),
  loading: ({ random }) => pause(random.below(25)),
  async snapshot({ random, engine }) {
    await pause(random.below(60))
    for (const room of ROOMS) engine.order({ snapshot: `records:${room}` })
    await pause(random.below(12))
  },
  async draft({ random, engine }) {
    engine.order({ snapshot: `records:${random.pick(ROOMS)}` })
    await Promise.race([engine.next(), pause(MOMENT_MS_MAX)])
    await pause(random.below(18))
  },
  async unloading({ random, writers }) {
    await pause(random.below(60))
    for (const writer of writers) writer.leave()
    await pause(random.below(80))
  },
  /** The disk takes nothing for a while; half of the time it takes something again before the end. */
  async fullDisk({ random, engine }) {
    await pause(random.below(60))
    limitFiles(engine.pid, random.pick(FILE_BYTES_MAX))
    await pause(random.below(150))
    if (random.below(2) === 0) {
      limitFiles(engine.pid, 'unlimited')
      await pause(random.below(150))
    }
  },
  /** The records are edited elsewhere just before. */
  async elsewhere({ random, edit }) {
    await pause(random.below(60))
    for (const room of ROOMS) edit(room)
    await pause(random.below(25))
  },
  async shutdown({ random, engine }) {
    await pause(random.below(60))
    engine.order({ shutdown: true })
    await pause(random.below(60))
  },
}

/**
 * @param t a test, or what stands for it
 * @param options.kills how many, over all stores
 * @param options.random as of `seeded`
 * @param options.program of the example `stored_rooms`
 * @returns what happened, by name
 */
export async function crash(t, { kills, random, program }) {
  const outcome = { kills: 0, saved: 0, moments: {} }
  for (let store = 0; outcome.kills < kills; store++) {
    const campaign = new Campaign(t, { random, program, storage: STORAGES[store % STORAGES.length], store })
    const last = Math.min(kills, outcome.kills + Math.min(KILLS_PER_STORE, Math.ceil(kills / STORAGES.length)))
    await campaign.begin()
    while (outcome.kills < last) {
      const moment = await campaign.round(outcome.kills)
      outcome.moments[moment] = (outcome.moments[moment] ?? 0) + 1
      outcome.kills++
    }
    outcome.saved += campaign.savedCount
    await campaign.end()
  }
  return outcome
}

class Campaign {
  #t
  #random
  #program
  #storage
  #store
  #folder
  #port = 0
  #ledgers = new Map(ROOMS.map((room) => [room, new Ledger()]))
  #returning = []
  /** The numbers of each room that must not go back. */
  #numbers = new Map()

  constructor(t, { random, program, storage, store }) {
    this.#t = t
    this.#random = random
    this.#program = program
    this.#storage = storage
    this.#store = store
  }

  get savedCount() {
    return [...this.#ledgers.values()].reduce((sum, ledger) => sum + ledger.savedCount, 0)
  }

  async begin() {
    this.#folder = await temporaryFolder(this.#t)
  }

  /** In the end everybody has everything. */
  async end() {
    const engine = await startVictim(this.#t, { folder: this.#folder, config: this.#config() })
    for (const editor of this.#returning) {
      await editor.checkInTheEnd()
      editor.leave()
    }
    await engine.kill()
  }

  /** One life of the engine, and what it leaves; gives the moment at which it was killed. */
  async round(number) {
    const random = this.#random
    const moment = random.pick(Object.keys(moments))
    const where = `kill ${number} while ${moment} (${this.#storage})`
    const engine = await startVictim(this.#t, { folder: this.#folder, config: this.#config() })
    this.#port = engine.port
    if (this.#returning.length === 0) this.#bring(engine)
    const writers = ROOMS.flatMap((room) =>
      ['echo', 'saved'].map((ack) => {
        const name = `store ${this.#store} kill ${number} ${ack}`
        return new Writer(this.#t, engine, { room, ack, name, random, ledger: this.#ledgers.get(room) })
      }),
    )
    const checks = writers.map((writer) => this.#checkJoined(writer, `the state sent after ${where}`))
    // They are waited for after the kill.
    for (const check of checks) check.catch(() => {})
    let typing = true
    const typists = this.#returning.map(async (editor) => {
      for (; typing; await pause(random.below(30))) editor.write()
    })
    const edit = (room) => {
      const text = `store ${this.#store} kill ${number} elsewhere in ${room}`
      this.#ledgers.get(room).wrote(text)
      engine.order({ edit: { room, text } })
    }
    await moments[moment]({ random, engine, writers, edit })
    await engine.kill()
    typing = false
    for (const writer of writers) writer.leave()
    await Promise.all([...typists, ...checks, ...writers.map(({ done }) => done)])
    await this.#checkStored(where)
    for (const editor of this.#returning) editor.check(where)
    return moment
  }

  #config() {
    const random = this.#random
    const storage = this.#storage === 'changing' ? random.pick(['database', 'filesystem']) : this.#storage
    return {
      port: this.#port,
      rooms: { grace_period_ms: random.pick([0, 30, 1_000]) },
      snapshots: { storage, max_updates: random.pick([5, 20, 100]) },
      storage: { group_window_ms: random.pick([0, 2, 5]), durability: random.pick(['normal', 'full']) },
      rate_limiting: { messages_per_second: 1_000 },
    }
  }

  #bring(engine) {
    this.#returning = ROOMS.map((room) => {
      const name = `store ${this.#store} returning`
      return new Returning(this.#t, engine, { room, name, ledger: this.#ledgers.get(room) })
    })
  }

  async #checkJoined(writer, where) {
    const known = writer.ledger.known()
    const doc = await writer.joined()
    if (doc) writer.ledger.check(paragraphsOf(doc), where, known)
  }

  async #checkStored(where) {
    for (const { id, lastSeq, lastVersion, paragraphs } of await readStored(this.#program, this.#folder)) {
      const before = this.#numbers.get(id) ?? { lastSeq: 0, lastVersion: 0 }
      if (lastSeq < before.lastSeq || lastVersion < before.lastVersion) {
        throw new Error(`numbers of ${id} went back after ${where}: ${lastSeq}, ${lastVersion}, ${JSON.stringify(before)}`)
      }
      this.#numbers.set(id, { lastSeq, lastVersion })
      this.#ledgers.get(id.split(':')[1]).check(paragraphs, `the files of ${id} after ${where}`)
    }
  }
}
