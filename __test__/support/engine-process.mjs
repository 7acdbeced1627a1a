/**
 * An engine in a process of its own, so that a test can kill it, or see how it ends. Run as a program it
 * reads `{config, folder}` from its first argument, starts, and sends its port over IPC.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { RealtimeModule, TestHost, atEnd, testConfig } from './engine.mjs'

const program = fileURLToPath(import.meta.url)

/** What the process can be told to do; none of it shuts the engine down. */
const orders = {
  /** Nothing of the program's own keeps the process alive any more. */
  letGo() {
    process.off('disconnect', leave)
    process.disconnect()
  },
  /** Its thread is busy for five seconds, and says so when it no longer is. */
  block() {
    const until = Date.now() + 5_000
    while (Date.now() < until);
    process.send({ answered: true })
  },
  exit: () => process.exit(0),
  crash: () =>
    setImmediate(() => {
      throw new Error('the host has a fault')
    }),
}

const leave = () => process.exit()

/**
 * Starts an engine in a child process, with the host that every engine of the tests has.
 *
 * @returns its `port` and `url`; `kill` (SIGKILL: nothing is tidied up), `order`, `answered` (whether it is done with
 * `block`), and `exited`, which gives the exit code
 */
export async function startEngineProcess(t, { config, folder }) {
  const child = fork(program, [JSON.stringify({ config, folder })], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  // What a crash prints belongs to the test that made it crash.
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += text))
  const exited = once(child, 'exit').then(([code]) => code)
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  atEnd(t, kill)
  const started = once(child, 'message').then(([message]) => message.port)
  const port = await Promise.race([started, exited.then(() => undefined)])
  if (port === undefined) throw new Error(`the engine's process did not start: ${complaints}`)
  const order = (name) => child.send(name)
  let isAnswered = false
  child.on('message', ({ answered }) => (isAnswered ||= answered === true))
  const answered = () => isAnswered
  return { port, url: `ws://127.0.0.1:${port}/realtime`, kill, order, answered, exited }
}

if (process.argv[1] === program) {
  const { config, folder } = JSON.parse(process.argv[2])
  const module = new RealtimeModule(testConfig(folder, config), new TestHost().callbacks())
  const { port } = await module.start()
  // Nobody is left to kill it if the test's own process ends.
  process.on('disconnect', leave)
  process.on('message', (name) => orders[name]())
  process.send({ port })
}
