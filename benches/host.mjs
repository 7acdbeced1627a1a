/**
 * What a host feels: `node benches/host.mjs [--quick]`. The engine is loaded into this process, with the load
 * generator in another; measured are this process's event loop and an HTTP handler of its own.
 */

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'

import { root } from '../scripts/steps.mjs'
import { startAddon } from './servers/addon.mjs'

const seconds = process.argv.includes('--quick') ? 2 : 8
const PORT = 7399
const load = path.join(root, 'target', 'load', 'release', 'load')

/** 5 rooms of 10 in which all together send so many updates a second. */
function typing(updatesPerSecond) {
  const args = ['paced', '--address', `127.0.0.1:${PORT}`, '--pid', process.pid, '--rooms', 5, '--clients', 10, '--writers', 10]
  args.push('--rate', updatesPerSecond / 50, '--seconds', seconds + 1)
  const child = spawn(load, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  return new Promise((resolve) => child.once('close', () => resolve(JSON.parse(text))))
}

/** How late timers of this thread are, in ms, while something goes on. */
async function eventLoopDelay(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const going = work()
  await pause(1_500)
  delay.enable()
  await pause((seconds - 0.5) * 1_000)
  delay.disable()
  const report = await going
  // The resolution is part of what is measured.
  return { p50_ms: delay.percentile(50) / 1e6, p99_ms: delay.percentile(99) / 1e6, report }
}

/** Requests a second to a handler in this process, from a client in another. */
async function httpThroughput(work) {
  const server = http.createServer((request, response) => response.end('{"ok":true}')).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const client = `
    import http from 'node:http'
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
    let count = 0
    const ask = () => http.get({ port: ${server.address().port}, host: '127.0.0.1', agent }, (response) => {
      response.resume().once('end', () => { count++; ask() })
    })
    for (let n = 0; n < 4; n++) ask()
    setTimeout(() => { count = 0 }, 1500)
    setTimeout(() => { console.log(count); process.exit() }, 1500 + ${(seconds - 0.5) * 1000})`
  const going = work()
  const child = spawn(process.execPath, ['--input-type=module', '-e', client], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  await new Promise((resolve) => child.once('close', resolve))
  const report = await going
  server.close()
  return { requests_per_s: Number(text) / (seconds - 0.5), report }
}

const nothing = async () => {}
const module = await startAddon(PORT)
const results = {
  event_loop_idle: await eventLoopDelay(nothing),
  event_loop_10000_updates_per_s: await eventLoopDelay(() => typing(10_000)),
  http_idle: await httpThroughput(nothing),
  http_5000_updates_per_s: await httpThroughput(() => typing(5_000)),
}
await module.shutdown()
const shown = (n) => n.toFixed(2)
console.log(`event loop delay, idle:               p50 ${shown(results.event_loop_idle.p50_ms)} ms, p99 ${shown(results.event_loop_idle.p99_ms)} ms`)
console.log(`event loop delay, 10,000 updates/s:   p50 ${shown(results.event_loop_10000_updates_per_s.p50_ms)} ms, p99 ${shown(results.event_loop_10000_updates_per_s.p99_ms)} ms`)
const { http_idle: idle, http_5000_updates_per_s: busy } = results
console.log(`HTTP handler, idle:                   ${Math.round(idle.requests_per_s)} requests/s`)
console.log(`HTTP handler, 5,000 updates/s:        ${Math.round(busy.requests_per_s)} requests/s (${Math.round((busy.requests_per_s / idle.requests_per_s) * 100)} %)`)
const folder = path.join(root, 'benches', 'results')
mkdirSync(folder, { recursive: true })
writeFileSync(path.join(folder, 'host.json'), `${JSON.stringify(results, null, 2)}\n`)
