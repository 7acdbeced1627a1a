/** The servers that are measured beside each other: how each is got, started and reached. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { addonLoads, buildAddon } from '../scripts/addon.mjs'
import { root } from '../scripts/steps.mjs'

/** Where peers are installed: never among the package's own dependencies. */
const peersDir = path.join(root, 'target', 'peers')
const loadDir = path.join(root, 'target', 'load', 'release')
const ROOM_PATH = '/realtime/records/{room}'

/** How long a server may take to listen. */
const START_MS_MAX = 20_000

const serverScript = (name) => path.join(root, 'benches', 'servers', name)

/** Installs npm packages into a folder of their own, once. */
function npmFolder(name, packages) {
  const folder = path.join(peersDir, name)
  if (existsSync(path.join(folder, 'package-lock.json'))) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n')
  const { status, stderr } = spawnSync('npm', ['install', '--silent', ...packages], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`npm install ${packages.join(' ')}: ${stderr}`)
  }
  return folder
}

/** Builds a program from crates.io into a folder of its own, once. */
function cargoProgram(crate, version) {
  const folder = path.join(peersDir, crate)
  const program = path.join(folder, 'bin', crate)
  if (!existsSync(program)) {
    const args = ['install', crate, '--version', version, '--locked', '--root', folder, '--target-dir', `${folder}-build`]
    if (spawnSync('cargo', args, { stdio: 'inherit' }).status !== 0) throw new Error(`cargo ${args.join(' ')} failed`)
  }
  return program
}

/**
 * `prepare` gives what `command` needs; `command` gives program, arguments and environment for a port. `path` is
 * where a room is; `rooms` makes rooms that have to be there first.
 */
export const servers = {
  floor: {
    title: 'forwards frames only (floor)',
    keepsDocuments: false,
    path: ROOM_PATH,
    command: (port) => [path.join(loadDir, 'floor'), [String(port)]],
  },
  addon: {
    title: '@civicpress/realtime',
    path: ROOM_PATH,
    prepare: () => addonLoads() || buildAddon(),
    command: (port) => [process.execPath, [serverScript('addon.mjs'), String(port)]],
  },
  engine: {
    title: 'the same without Node.js',
    path: ROOM_PATH,
    command: (port) => [path.join(loadDir, 'engine'), [String(port)]],
  },
  hocuspocus: {
    title: 'Hocuspocus 4',
    dialect: 'hocuspocus',
    path: '/',
    prepare: () => npmFolder('hocuspocus', ['@hocuspocus/server@4']),
    command: (port, folder) => [process.execPath, [serverScript('hocuspocus.mjs'), folder, String(port)]],
  },
  'y-websocket': {
    title: '@y/websocket-server 0.1',
    path: '/{room}',
    prepare: () => npmFolder('y-websocket', ['@y/websocket-server@0.1.1', 'yjs@13', 'ws@8']),
    command: (port, folder) => [
      process.execPath,
      [path.join(folder, 'node_modules/@y/websocket-server/src/server.js')],
      { PORT: String(port), HOST: '127.0.0.1' },
    ],
  },
  'y-sweet': {
    title: 'y-sweet 0.9',
    path: '/d/{room}/ws/{room}',
    prepare: () => cargoProgram('y-sweet', '0.9.1'),
    command: (port, program) => [
      program,
      ['serve', '--host', '127.0.0.1', '--port', String(port), mkdtempSync(path.join(tmpdir(), 'y-sweet-'))],
    ],
  },
}

/** What this machine can run of the servers asked for. Says which it cannot, and why. */
export function prepare(names) {
  const ready = []
  for (const name of names) {
    try {
      servers[name].prepared = servers[name].prepare?.()
      ready.push(name)
    } catch (error) {
      console.error(`\n!!! ${name} IS NOT MEASURED: ${error.message}\n`)
    }
  }
  return ready
}

/** A port that nobody listens on. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true) || socket.destroy())
    socket.once('error', () => resolve(false))
  })

const running = new Set()

/** Nothing is left behind by who is interrupted. */
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

/** Starts a server on a processor of its own; gives where it listens and what ends it. */
export async function start(name, cpu) {
  const port = await freePort()
  const [program, args, env = {}] = servers[name].command(port, servers[name].prepared)
  const pinned = cpu === undefined ? [program, args] : ['taskset', ['-c', String(cpu), program, ...args]]
  // The limit on open files is raised for programs that do not do it themselves.
  const shell = ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"', pinned[0], ...pinned[1]]
  const child = spawn('bash', shell, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (data) => (complaints = (complaints + data).slice(-2_000)))
  running.add(child)
  const ended = new Promise((resolve) => child.once('exit', resolve)).then(() => running.delete(child))
  const end = async () => {
    child.kill('SIGKILL')
    await ended
  }
  for (let waited = 0; !(await listens(port)); waited += 50) {
    if (child.exitCode !== null || waited > START_MS_MAX) {
      await end()
      throw new Error(`${name} does not listen: ${complaints}`)
    }
    await pause(50)
  }
  return { pid: child.pid, port, end }
}
