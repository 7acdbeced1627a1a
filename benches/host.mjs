/**
 * What a host feels: `node benches/host.mjs [--quick] [--runs=N] [--write]`. The engine is loaded into this process, with
 * the load generator in another; measured are this process's event loop and an HTTP handler of its own. The load takes
 * processors by itself: so the handler is measured as well while a server in a process of its own bears it that only
 * forwards.
 */

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { root } from '../scripts/steps.mjs'
import { rounded, summary } from './figures.mjs'
import { freePort, servers, start } from './servers.mjs'
import { startAddon } from './servers/addon.mjs'

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, runs: { type: 'string', default: '1' }, write: { type: 'boolean', default: false } },
})
const seconds = options.quick ? 2 : 8
const port = await freePort()
const load = path.join(root, 'target', 'load', 'release', 'load')

/** 5 rooms of 10 in which all together send so many updates a second, to the engine in this process or to another. */
function typing(updatesPerSecond, server = { port, pid: process.pid, keepsDocuments: true }) {
  const args = ['paced', '--address', `127.0.0.1:${server.port}`, '--pid', server.pid, '--rooms', 5, '--clients', 10, '--writers', 10]
  args.push('--rate', updatesPerSecond / 50, '--seconds', seconds + 1, '--keeps-documents', server.keepsDocuments)
  const child = spawn(load, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  return new Promise((resolve, reject) =>
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`the generator ended with ${code}`)))),
  )
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

/** One run: its figures by name. */
async function measure() {
  const calm = await eventLoopDelay(nothing)
  const busy = await eventLoopDelay(() => typing(10_000))
  const httpCalm = await httpThroughput(nothing)
  const httpBusy = await httpThroughput(() => typing(5_000))
  const floor = await start('floor')
  const httpBeside = await httpThroughput(() => typing(5_000, { ...floor, keepsDocuments: servers.floor.keepsDocuments }))
  await floor.end()
  return {
    event_loop_idle_p50_ms: calm.p50_ms,
    event_loop_idle_p99_ms: calm.p99_ms,
    event_loop_busy_p50_ms: busy.p50_ms,
    event_loop_busy_p99_ms: busy.p99_ms,
    busy_deliveries_per_s: busy.report.deliveries_per_s,
    busy_p99_ms: busy.report.p99_ms,
    http_idle_per_s: httpCalm.requests_per_s,
    http_busy_per_s: httpBusy.requests_per_s,
    http_beside_floor_per_s: httpBeside.requests_per_s,
    http_busy_deliveries_per_s: httpBusy.report.deliveries_per_s,
    lost: busy.report.lost + httpBusy.report.lost,
    missing_for_late_joiner: busy.report.missing_for_late_joiner + httpBusy.report.missing_for_late_joiner,
  }
}

const module = await startAddon(port)
const reports = []
for (let n = 0; n < Number(options.runs); n++) reports.push(await measure())
await module.shutdown()
const results = summary(reports)
for (const [name, value] of Object.entries(results)) console.log(`  ${name.padEnd(28)} ${rounded(value)}`)
const share = (rate) => Math.round((rate / results.http_idle_per_s) * 100)
console.log(`  the HTTP handler keeps ${share(results.http_busy_per_s)} % of its throughput; with the floor in another process ${share(results.http_beside_floor_per_s)} %`)
if (options.write) {
  const folder = path.join(root, 'benches', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'host.json'), `${JSON.stringify({ quick: options.quick, ...results }, null, 2)}\n`)
}
