/**
 * An engine in a process of its own, so that a test can kill it. Run as a program it reads
 * `{config, folder}` from its first argument, starts, and sends its port over IPC.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { RealtimeModule, TestHost, atEnd, testConfig } from './engine.mjs'

const program = fileURLToPath(import.meta.url)

/**
 * Starts an engine in a child process, with the host that every engine of the tests has.
 *
 * @returns its `port` and `url`, and `kill` (SIGKILL: nothing is tidied up)
 */
export async function startEngineProcess(t, { config, folder }) {
  const child = fork(program, [JSON.stringify({ config, folder })])
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  atEnd(t, kill)
  const started = once(child, 'message')
  const [first] = await Promise.race([started, exited])
  if (typeof first?.port !== 'number') throw new Error(`the engine's process did not start: ${first}`)
  return { port: first.port, url: `ws://127.0.0.1:${first.port}/realtime`, kill, exited, child }
}

if (process.argv[1] === program) {
  const { config, folder } = JSON.parse(process.argv[2])
  const module = new RealtimeModule(testConfig(folder, config), new TestHost().callbacks())
  const { port } = await module.start()
  // Nobody is left to kill it if the test's own process ends.
  process.on('disconnect', () => process.exit())
  process.send({ port })
}
