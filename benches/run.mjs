/**
 * All benchmarks: `npm run bench -- [--quick] [--only NAME,...] [--servers NAME,...] [--runs N]`.
 *
 * With `--quick`: one short run of each, no criterion, fewer servers. With `--only` or `--servers` nothing is written
 * to `benches/results/`, unless `--write` is given; `--only` may name a growth (`growth-rooms`) and `host` as well.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { root, run, runSteps } from '../scripts/steps.mjs'
import { beside, losses, summary } from './figures.mjs'
import { growth, growthFigures, scenarios } from './scenarios.mjs'
import { prepare, servers, start } from './servers.mjs'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    servers: { type: 'string' },
    runs: { type: 'string' },
  },
})
const partial = Boolean(options.only || options.servers)
const writes = !partial || options.write
const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const seconds = options.quick ? 1 : 5
const warmUp = options.quick ? 0.3 : 1

/** With `--quick`, these and no others; growth is measured of fewer, unless they are asked for. */
const QUICK_SERVERS = ['floor', 'addon', 'hocuspocus', 'y-websocket']
const QUICK_GROWTH_SERVERS = ['floor', 'addon']
const GROWTH_SERVERS = options.servers?.split(',') ?? (options.quick ? QUICK_GROWTH_SERVERS : QUICK_SERVERS)

/** With two processors or more, the server has one for itself and the generator another. */
const pins = os.availableParallelism() > 1 ? { server: 1, generator: 0 } : {}

/** A run that takes longer is given up: the server does not bear this load. */
const RUN_MS_MAX = 120_000

/** One run of a scenario against a server that was started for it. */
async function measure(name, [scenario, given]) {
  const server = await start(name, pins.server)
  try {
    const { path: roomPath, dialect = 'yjs', keepsDocuments = true } = servers[name]
    const address = `127.0.0.1:${server.port}`
    const all = { address, path: roomPath, dialect, pid: server.pid, seconds, 'warm-up': warmUp, 'keeps-documents': keepsDocuments, ...given }
    const args = [scenario, ...Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)])]
    const load = path.join(root, 'target', 'load', 'release', 'load')
    return JSON.parse(await output(...(pins.generator === undefined ? [load, args] : ['taskset', ['-c', String(pins.generator), load, ...args]])))
  } finally {
    await server.end()
  }
}

async function output(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let complaints = ''
  child.stdout.on('data', (data) => (text += data))
  child.stderr.on('data', (data) => (complaints = (complaints + data).slice(-2_000)))
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  if (complaints) console.error(complaints.trim())
  if (signal) throw new Error(`given up after ${RUN_MS_MAX / 1000} s`)
  if (code !== 0) throw new Error(`the generator ended with ${code}: ${complaints}`)
  return text
}

/** The medians of several runs by server. The servers take turns, so that what the machine does meanwhile hits all. */
async function inTurns(names, load) {
  const reports = Object.fromEntries(names.map((name) => [name, []]))
  const failed = {}
  for (let n = 0; n < runs; n++) {
    for (const name of names.filter((name) => !failed[name])) {
      try {
        reports[name].push(await measure(name, load))
      } catch (error) {
        failed[name] = { failed: error.message.slice(0, 300) }
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, failed[name] ?? summary(reports[name])]))
}

/** A row of the table, with what it is of the floor's figure. */
function show(name, report, shows, floor) {
  if (report.failed) return console.log(`  ${name.padEnd(12)} FAILED: ${report.failed}`)
  const figures = shows.map((figure) => `${figure} ${beside(report[figure], floor?.[figure])}`)
  const missing = losses(report).map((loss) => ` !!! ${loss}`)
  const busy = report.generator_cpu_percent > 90 ? '  (generator busy)' : ''
  console.log(`  ${name.padEnd(12)} ${figures.join('   ')}${busy}${missing.join('')}`)
}

function showAll(reports, shows) {
  for (const [name, report] of Object.entries(reports)) show(name, report, shows, name === 'floor' ? undefined : reports.floor)
}

function write(file, results) {
  if (!writes) return
  const folder = path.join(root, 'benches', 'results')
  mkdirSync(folder, { recursive: true })
  const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, memoryGiB: Math.round(os.totalmem() / 2 ** 30), kernel: os.release(), node: process.version }
  const about = { date: new Date().toISOString().slice(0, 10), runs, seconds, quick: options.quick, machine }
  writeFileSync(path.join(folder, file), `${JSON.stringify({ about, ...results }, null, 2)}\n`)
}

const wanted = options.servers?.split(',') ?? (options.quick ? QUICK_SERVERS : Object.keys(servers))
const chosen = options.only?.split(',')
const isChosen = (key) => !chosen || chosen.includes(key)
const known = [...Object.keys(scenarios), ...Object.keys(growth).map((key) => `growth-${key}`), 'host', 'parts']
const unknown = [...(chosen ?? []).filter((key) => !known.includes(key)), ...wanted.filter((name) => !(name in servers))]
if (unknown.length > 0) {
  console.error(`not known: ${unknown.join(', ')}; scenarios: ${known.join(', ')}; servers: ${Object.keys(servers).join(', ')}`)
  process.exit(2)
}
let ready = []

async function compare() {
  const results = {}
  for (const [key, { title, load, shows, only }] of Object.entries(scenarios)) {
    if (!isChosen(key)) continue
    console.log(`\n${title} (${key})`)
    results[key] = await inTurns(ready.filter((name) => !only || only.includes(name)), load)
    showAll(results[key], shows)
  }
  write('load.json', { scenarios: results })
}

async function grow() {
  const results = {}
  for (const [key, { title, axis, sizes, load }] of Object.entries(growth)) {
    if (!isChosen(`growth-${key}`)) continue
    console.log(`\n${title} (growth-${key})`)
    results[key] = {}
    for (const size of sizes) {
      console.log(`  ${axis}: ${size}`)
      results[key][size] = await inTurns(ready.filter((name) => GROWTH_SERVERS.includes(name)), load(size))
      showAll(results[key][size], Object.keys(growthFigures))
    }
  }
  write('growth.json', { growth: results })
}

const cargo = (...args) => run('cargo', args)
const loadCrate = ['--manifest-path', 'benches/load/Cargo.toml', '--target-dir', 'target/load']
const node = (script, ...args) => run(process.execPath, [script, ...args])
const steps = [
  ['load generator', () => cargo('build', '--release', '--locked', ...loadCrate)],
  ...(options.quick ? [] : [['load generator, tested', () => cargo('test', '--release', '--locked', '--lib', ...loadCrate)]]),
  ['servers', () => (ready = prepare(wanted))],
]
if (chosen ? chosen.includes('parts') : !partial && !options.quick) {
  steps.push(['parts (criterion)', () => cargo('bench', '--no-default-features', '--locked', '--bench', 'room', '--bench', 'markdown')])
}
if (!chosen || chosen.some((key) => key in scenarios)) steps.push(['load', compare])
if (isChosen('host')) {
  steps.push(['a busy host', () => node('benches/host.mjs', `--runs=${runs}`, ...(options.quick ? ['--quick'] : []), ...(writes ? ['--write'] : []))])
}
if (!chosen || chosen.some((key) => key.startsWith('growth-'))) steps.push(['growth', grow])
if (writes) steps.push(['report', () => node('benches/report.mjs')])
await runSteps(steps)
