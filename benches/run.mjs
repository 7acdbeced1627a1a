/**
 * All benchmarks: `npm run bench -- [--quick] [--only NAME,...] [--servers NAME,...] [--runs N]`.
 *
 * With `--quick`: one short run of each scenario, no growth, no criterion. With `--only` or `--servers` nothing is
 * written to `benches/results/`.
 */

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { root, run, runSteps } from '../scripts/steps.mjs'
import { growth, scenarios } from './scenarios.mjs'
import { prepare, servers, start } from './servers.mjs'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    servers: { type: 'string' },
    runs: { type: 'string' },
  },
})
const partial = Boolean(options.only || options.servers)
const runs = Number(options.runs ?? (options.quick ? 1 : 3))
const seconds = options.quick ? 1.5 : 5
const FIRST_PORT = 7400

/** With two processors or more, the server has one for itself and the generator another. */
const pins = os.availableParallelism() > 1 ? { server: 1, generator: 0 } : {}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** One run of a scenario against a server that was started for it. */
async function measure(name, [scenario, given]) {
  const port = FIRST_PORT + Math.floor(Math.random() * 500)
  const server = await start(name, port, pins.server)
  try {
    const { path: roomPath, dialect = 'yjs', keepsDocuments = true } = servers[name]
    const all = { address: `127.0.0.1:${port}`, path: roomPath, dialect, pid: server.pid, seconds, 'keeps-documents': keepsDocuments, ...given }
    const args = [scenario, ...Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)])]
    const load = path.join(root, 'target', 'load', 'release', 'load')
    return JSON.parse(await output(...(pins.generator === undefined ? [load, args] : ['taskset', ['-c', String(pins.generator), load, ...args]])))
  } finally {
    await server.end()
  }
}

async function output(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
  return text
}

/** The median of each figure; of losses the most. */
function summary(reports) {
  const names = Object.keys(reports[0])
  const of = (name) => reports.map((report) => report[name])
  const isLoss = (name) => name === 'lost' || name.startsWith('missing') || name === 'incomplete'
  return Object.fromEntries(names.map((name) => [name, isLoss(name) ? Math.max(...of(name)) : median(of(name))]))
}

async function measured(name, load) {
  const reports = []
  try {
    for (let n = 0; n < runs; n++) reports.push(await measure(name, load))
    return summary(reports)
  } catch (error) {
    return { failed: error.message.slice(0, 300) }
  }
}

const rounded = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)))

/** A row of the table, with what it is of the floor's figure. */
function show(name, report, shows, floor) {
  if (report.failed) return console.log(`  ${name.padEnd(12)} FAILED: ${report.failed}`)
  const figures = shows.map((figure) => {
    const ratio = floor?.[figure] ? ` (${rounded(report[figure] / floor[figure])}x)` : ''
    return `${figure} ${rounded(report[figure])}${ratio}`
  })
  const losses = ['lost', 'missing_for_late_joiner', 'incomplete'].filter((loss) => report[loss] > 0)
  const complaint = losses.map((loss) => ` !!! ${loss}: ${report[loss]}`).join('')
  console.log(`  ${name.padEnd(12)} ${figures.join('   ')}${complaint}`)
}

function write(file, results) {
  if (partial) return
  const folder = path.join(root, 'benches', 'results')
  mkdirSync(folder, { recursive: true })
  const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, memoryGiB: Math.round(os.totalmem() / 2 ** 30), kernel: os.release(), node: process.version }
  const about = { date: new Date().toISOString().slice(0, 10), runs, seconds, quick: options.quick, machine }
  writeFileSync(path.join(folder, file), `${JSON.stringify({ about, ...results }, null, 2)}\n`)
}

const wanted = (options.servers?.split(',') ?? Object.keys(servers)).filter((name) => name in servers)
const chosen = options.only?.split(',')
let ready = []

async function compare() {
  const results = {}
  for (const [key, { title, load, shows, only }] of Object.entries(scenarios)) {
    if (chosen && !chosen.includes(key)) continue
    console.log(`\n${title}`)
    results[key] = {}
    for (const name of ready.filter((name) => !only || only.includes(name))) {
      results[key][name] = await measured(name, load)
      show(name, results[key][name], shows, name === 'floor' ? undefined : results[key].floor)
    }
  }
  write('load.json', { scenarios: results })
}

async function grow() {
  const results = {}
  for (const [key, { title, sizes, figure, load }] of Object.entries(growth)) {
    console.log(`\n${title}`)
    results[key] = {}
    for (const name of ready.filter((name) => ['floor', 'addon'].includes(name))) {
      results[key][name] = []
      for (const size of sizes) {
        const report = await measured(name, load(size))
        results[key][name].push({ size, value: report[figure] ?? null })
        show(`${name} ${size}`, report, [figure], undefined)
      }
    }
  }
  write('growth.json', { growth: results })
}

const cargo = (...args) => run('cargo', args)
const loadCrate = ['--manifest-path', 'benches/load/Cargo.toml', '--target-dir', 'target/load']
const node = (script, ...args) => run(process.execPath, [script, ...args])
const steps = [
  ['load generator', () => cargo('build', '--release', '--locked', ...loadCrate)],
  ['servers', () => (ready = prepare(wanted))],
  ['load', compare],
]
if (!partial) {
  steps.push(['a busy host', () => node('benches/host.mjs', ...(options.quick ? ['--quick'] : []))])
  if (!options.quick) {
    steps.push(['growth', grow])
    if (existsSync(path.join(root, 'benches', 'markdown.mjs'))) steps.push(['Markdown', () => node('benches/markdown.mjs')])
    steps.push(['parts', () => cargo('bench', '--no-default-features')])
  }
  steps.push(['report', () => node('benches/report.mjs')])
}
await runSteps(steps)
