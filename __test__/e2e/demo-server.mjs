// The demo server as a child process, on ports of its own, over a data folder that outlives it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const serverFile = fileURLToPath(new URL('../../demo/server.mjs', import.meta.url))
const START_MS_MAX = 30_000

/** Two ports that were free a moment ago: held at once, so that they differ. */
async function freePorts() {
  const servers = [net.createServer(), net.createServer()]
  const ports = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ports.push(server.address().port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export async function prepareDemo() {
  const [port, realtimePort] = await freePorts()
  const dataDir = await fs.mkdtemp(path.join(os.tmpdir(), 'realtime-demo-'))
  const env = { ...process.env, DEMO_PORT: port, DEMO_REALTIME_PORT: realtimePort, DEMO_DATA: dataDir }
  /** @type {import('node:child_process').ChildProcess | null} */
  let child = null

  /** Resolves once it has said where it listens; rejects, with all that it said, if it ends before that. */
  function start() {
    return new Promise((resolve, reject) => {
      let said = ''
      const started = spawn(process.execPath, [serverFile], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      const giveUp = setTimeout(() => {
        started.kill('SIGKILL')
        reject(new Error(`the demo did not start within ${START_MS_MAX} ms and said:\n${said}`))
      }, START_MS_MAX)
      const listen = (chunk) => {
        said += chunk
        if (!said.includes(`http://localhost:${port}`)) return
        clearTimeout(giveUp)
        resolve()
      }
      started.stdout.on('data', listen)
      started.stderr.on('data', listen)
      started.on('exit', (code, signal) => {
        clearTimeout(giveUp)
        reject(new Error(`the demo ended (${signal ?? code}) before it was ready and said:\n${said}`))
      })
    })
  }

  async function end(signal) {
    if (!child || child.exitCode !== null || child.signalCode !== null) return null
    const exited = once(child, 'exit')
    child.kill(signal)
    const [code] = await exited
    return code
  }

  return {
    dataDir,
    start,
    kill: () => end('SIGKILL'),
    /** Answers the exit code. */
    stop: () => end('SIGTERM'),
    url: (user, record) => `http://localhost:${port}/?user=${user}&record=${record}`,
    draft: (record) => fs.readFile(path.join(dataDir, `${record}.draft.md`), 'utf8'),
    async cleanUp() {
      await end('SIGKILL')
      await fs.rm(dataDir, { recursive: true, force: true })
    },
  }
}
