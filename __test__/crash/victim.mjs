/**
 * The engine's process that is killed. Its host keeps records as files, as a host that outlives a crash does, and the
 * loss of power as well.
 *
 * Run as a program it reads `{config, folder}` from its first argument, starts, sends `{port, pid}` over IPC, and
 * `{event: 'saving'}` whenever a draft is about to be written.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { RealtimeModule, TestHost, atEnd, testConfig } from '../support/engine.mjs'

const program = fileURLToPath(import.meta.url)

/** The longest that the host takes to write a draft, in ms; kills are to fall into it. */
const DRAFT_MS_MAX = 15

/** What a record holds that nobody has edited yet. */
export const SEED_TEXT = 'Noise at night.'

/**
 * Starts the engine; `next` waits for what it sends, `order` tells it something, `kill` ends it without a word.
 *
 * @param options.under another program that runs it: options of `fork`
 */
export async function startVictim(t, { config, folder, under }) {
  const options = { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], ...under }
  const child = fork(program, [JSON.stringify({ config, folder })], options)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += text))
  const exited = once(child, 'exit')
  // A process that is gone takes no orders any more, and that is what it is for.
  child.on('error', () => {})
  let pid = child.pid
  let hasExited = false
  exited.then(() => (hasExited = true))
  const kill = async () => {
    if (!hasExited) process.kill(pid, 'SIGKILL')
    await exited
  }
  atEnd(t, kill)
  const started = once(child, 'message').then(([message]) => message)
  const { port, pid: itsPid } = await Promise.race([started, exited.then(() => ({}))])
  // What runs it ends with it.
  pid = itsPid ?? pid
  if (port === undefined) throw new Error(`the engine did not start: ${complaints}`)
  const order = (message) => child.connected && child.send(message, () => {})
  const next = () => Promise.race([once(child, 'message'), exited])
  return { port, url: `ws://127.0.0.1:${port}/realtime`, pid, next, order, kill, exited }
}

/** A host that has a file for each record. */
export class FileHost extends TestHost {
  #folder
  #turn = Promise.resolve()

  constructor(folder) {
    super()
    this.#folder = folder
  }

  /** Makes its folder, if there is none. */
  async open() {
    await mkdir(this.#folder, { recursive: true })
    await sync(path.dirname(this.#folder))
    return this
  }

  /** A draft is about to be written. */
  saving() {}

  async load({ localId }) {
    const markdown = await readFile(path.join(this.#folder, localId), 'utf8').catch(() => SEED_TEXT)
    return { markdown }
  }

  async save({ localId }, markdown) {
    this.saving()
    await this.#inTurn(async () => {
      await pause(Math.random() * DRAFT_MS_MAX)
      await this.#write(localId, markdown)
    })
  }

  /** Somebody adds a paragraph to the record, without the engine. */
  async edit(localId, text) {
    await this.#inTurn(async () => {
      const { markdown } = await this.load({ localId })
      await this.#write(localId, `${markdown}\n\n${text}`)
    })
  }

  async #write(localId, markdown) {
    const file = path.join(this.#folder, localId)
    const written = await open(`${file}.tmp`, 'w')
    try {
      await written.writeFile(markdown)
      await written.sync()
    } finally {
      await written.close()
    }
    await rename(`${file}.tmp`, file)
    await sync(this.#folder)
  }

  /** One after the other: neither takes the place of something that it has not seen. */
  #inTurn(work) {
    this.#turn = this.#turn.catch(() => {}).then(work)
    return this.#turn
  }
}

/** Makes sure that the names in a folder are on the disk. */
async function sync(folder) {
  const opened = await open(folder)
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

if (process.argv[1] === program) {
  const { config, folder } = JSON.parse(process.argv[2])
  const host = await new FileHost(path.join(folder, 'texts')).open()
  host.saving = () => process.send({ event: 'saving' })
  const module = new RealtimeModule(testConfig(folder, config), host.callbacks())
  const { port } = await module.start()
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ snapshot, shutdown, edit }) => {
    // The disk may be full.
    if (edit) await host.edit(edit.room, edit.text).catch(() => {})
    if (edit) module.recordChanged(`records:${edit.room}`)
    if (snapshot) module.snapshot(snapshot).catch(() => {})
    if (shutdown) module.shutdown().then(() => process.exit())
  })
  process.send({ port, pid: process.pid })
}
