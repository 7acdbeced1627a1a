/** Lets people type into an engine that ends and starts again, and records what its disk is given meanwhile. */

import assert from 'node:assert/strict'
import { mkdir, realpath } from 'node:fs/promises'
import path from 'node:path'

import { Ledger } from '../crash/ledger.mjs'
import { startVictim } from '../crash/victim.mjs'
import { Writer } from '../crash/writers.mjs'
import { temporaryFolder } from '../support/engine.mjs'
import { Journal } from '../support/journal.mjs'
import { operations } from './history.mjs'
import { whatWasDone } from './present.mjs'
import { readTrace, tracing } from './strace.mjs'
import { acknowledgements } from './told.mjs'

export const ROOMS = ['a', 'b']

/** The database's folder, which the engine makes, in the folder that is recorded. */
export const DATA = path.join('new', 'data')

/** How often an engine syncs something until it has started, about. */
const STARTING_SYNCS = 10

/** A ledger that can be waited for. */
class AwaitedLedger extends Ledger {
  constructor(heard) {
    super()
    this.heard = heard
  }

  saved(edit) {
    super.saved(edit)
    this.heard.add(edit)
  }
}

/**
 * What happened: `ledgers` by room, `moments` in order, each `{begin: operation}`, `{synced: operation}` or
 * `{told: {room, edit}}`, and the `folder`'s path.
 */
export class Recording {
  ledgers
  moments = []
  #t
  #random
  #heard = new Journal('edits that were acknowledged')
  #lives = 0
  /** The last number of all traces so far. */
  #now = 0
  #root

  constructor(t, random) {
    this.#t = t
    this.#random = random
    this.ledgers = new Map(ROOMS.map((room) => [room, new AwaitedLedger(this.#heard)]))
  }

  get summary() {
    const count = (matches) => this.moments.filter(matches).length
    const [begun, synced, told] = [({ begin }) => begin, ({ synced }) => synced, ({ told }) => told].map(count)
    return `${this.#lives} lives, ${begun} operations, ${synced} syncs, ${told} acknowledgements`
  }

  async begin() {
    this.#root = await realpath(await temporaryFolder(this.#t))
    this.folder = path.join(this.#root, 'disk')
    await mkdir(this.folder)
  }

  /** The engine is killed while it starts. */
  async lifeThatFails(config) {
    const trace = this.#nextTrace()
    const under = tracing(trace, process.execPath, { killedAtSync: 1 + this.#random.below(STARTING_SYNCS) })
    const started = startVictim(this.#t, { folder: this.folder, config: this.#config(config), under })
    await started.then((engine) => engine.kill(), () => {})
    await this.#take(trace)
  }

  /**
   * @param options.edits how many are acknowledged before it ends
   * @param options.ending `kill` or `shutdown`
   */
  async life(config, { edits, ending }) {
    const trace = this.#nextTrace()
    const under = tracing(trace, process.execPath)
    const engine = await startVictim(this.#t, { folder: this.folder, config: this.#config(config), under })
    const before = this.#heard.entries.length
    const acknowledged = (share) => this.#heard.atLeast(before + Math.ceil(edits * share), () => true, 'acknowledgements')
    const writers = ROOMS.flatMap((room) => ['echo', 'saved'].map((ack) => this.#writer(engine, room, ack, ending)))
    await acknowledged(1 / 3)
    for (const room of ROOMS) engine.order({ snapshot: `records:${room}` })
    await acknowledged(1 / 2)
    // The last room ends while the others go on.
    for (const writer of writers) if (writer.ledger === this.ledgers.get(ROOMS.at(-1))) writer.leave()
    await acknowledged(1)
    if (ending === 'shutdown') engine.order({ shutdown: true })
    else await engine.kill()
    await engine.exited
    for (const writer of writers) writer.leave()
    await Promise.all(writers.map(({ done }) => done))
    await this.#take(trace, { writers, heard: this.#heard.entries.length - before })
  }

  #nextTrace() {
    return path.join(this.#root, `trace-${this.#lives++}`)
  }

  #config(config) {
    const storage = { ...config.storage, file: path.join(this.folder, DATA, 'realtime.db') }
    return { ...config, rate_limiting: { messages_per_second: 1_000 }, storage }
  }

  #writer(engine, room, ack, ending) {
    const name = `life ${this.#lives} to ${ending} ${ack}`
    return new Writer(this.#t, engine, { room, ack, name, random: this.#random, ledger: this.ledgers.get(room) })
  }

  /** Adds what a trace shows. */
  async #take(trace, { writers = [], heard = 0 } = {}) {
    const calls = await readTrace(trace, this.#now)
    for (const { start, end } of calls) this.#now = Math.max(this.#now, start, end === Infinity ? 0 : end)
    const told = acknowledgements(calls, writers)
    assert.ok(told.length >= heard, `${heard} acknowledgements came and the trace shows ${told.length}`)
    const rooms = new Map([...this.ledgers].map(([room, ledger]) => [ledger, room]))
    const begun = await whatWasDone(this.moments, operations(calls, this.folder), this.folder)
    const moments = [
      ...begun.map((operation) => ({ at: operation.start, begin: operation })),
      ...begun.filter(({ does }) => does === 'sync').map((operation) => ({ at: operation.end, synced: operation })),
      ...told.map(({ start, writer, edit }) => ({ at: start, told: { room: rooms.get(writer.ledger), edit } })),
    ]
    moments.sort((a, b) => a.at - b.at)
    this.moments.push(...moments)
  }
}
